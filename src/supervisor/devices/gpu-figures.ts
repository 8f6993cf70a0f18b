import type { Device } from '../../shared/device.js';
import type { NvidiaGpu } from './nvidia-smi.js';

/**
 * What the figures of the machine's GPUs say of a device, `null` where they say nothing. Temperature, power, throttling
 * and memory errors of a MIG instance are those of its whole GPU; of its memory and its utilization nvidia-smi's query
 * tells nothing, and the GPU's would be wrong.
 *
 * @param gpus by uuid; a GPU whose figures are not known is missing
 */
export function figuresOf(device: Device, gpus: ReadonlyMap<string, NvidiaGpu>): NvidiaGpu | null {
  if (device.kind === 'cpu') return null;
  if (device.mig === null) return gpus.get(device.uuid) ?? null;
  const gpu = gpus.get(device.mig.gpuUuid);
  return gpu === undefined
    ? null
    : { ...gpu, device, memoryUsedMb: null, memoryFreeMb: null, utilizationPercent: null };
}
