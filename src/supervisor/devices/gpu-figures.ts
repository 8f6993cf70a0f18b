import type { Device } from '../../shared/device.js';
import type { NvidiaGpu } from './nvidia-smi.js';

/**
 * A device's figures, `null` if they are unknown. A MIG instance reports its GPU's temperature, power, throttling and
 * memory errors. Its own memory and utilization are not part of the query, and the GPU's values would be wrong.
 *
 * @param gpus by uuid, without those whose figures are unknown
 */
export function figuresOf(device: Device, gpus: ReadonlyMap<string, NvidiaGpu>): NvidiaGpu | null {
  if (device.kind === 'cpu') return null;
  if (device.mig === null) return gpus.get(device.uuid) ?? null;
  const gpu = gpus.get(device.mig.gpuUuid);
  return gpu === undefined
    ? null
    : { ...gpu, device, memoryUsedMb: null, memoryFreeMb: null, utilizationPercent: null };
}
