import { cpus } from 'node:os';
import { graphics } from 'systeminformation';
import { ConfigError } from '../shared/errors.js';
import type { Config } from '../shared/config.js';
import type { CpuDevice, Device, NvidiaDevice } from '../shared/device.js';
import { type NvidiaQuery, queryNvidiaGpus } from './nvidia-smi.js';

/** What the machine was found to have. */
export interface FoundDevices {
  readonly nvidia: readonly NvidiaDevice[];
  /** GPUs that no execution provider of ours can use yet, by name. */
  readonly unusable: readonly string[];
  /** What went wrong on the way, `null` where nothing did. */
  readonly problem: string | null;
}

/** Looks for GPUs without blocking the event loop for long, and never rejects: a machine that cannot tell works on its CPU. */
export async function findDevices(query: NvidiaQuery | null = null): Promise<FoundDevices> {
  const answer = query ?? (await queryNvidiaGpus());
  switch (answer.kind) {
    case 'gpus':
      return { nvidia: answer.gpus.map((gpu) => gpu.device), unusable: [], problem: null };
    case 'error':
      return { nvidia: [], unusable: [], problem: answer.reason };
    case 'absent':
      return { nvidia: [], unusable: await otherGpus(), problem: null };
  }
}

/**
 * GPUs of other vendors. Asked only where there is no nvidia-smi, because `graphics()` would run it
 * synchronously.
 */
async function otherGpus(): Promise<string[]> {
  const { controllers } = await graphics();
  return controllers
    .filter(({ vendor }) => /amd|advanced micro|ati |intel|apple/i.test(vendor))
    .map(({ vendor, model }) => `${vendor} ${model}`.trim());
}

/** The devices that get a child, by the configuration. @throws {ConfigError} where `GPU_INDEX` names a GPU that is not there */
export function selectDevices(found: FoundDevices, wanted: Config['devices']): Device[] {
  if (wanted.cpuOnly) return [cpuDevice()];
  const { gpuIndices } = wanted;
  const gpus = found.nvidia.filter((gpu) => gpuIndices === null || gpuIndices.includes(gpu.index));
  const missing = (gpuIndices ?? []).filter((index) => !found.nvidia.some((gpu) => gpu.index === index));
  if (missing.length > 0 && found.problem === null) {
    const there = found.nvidia.map((gpu) => gpu.index).join(', ') || 'none';
    throw new ConfigError([
      `GPU_INDEX names GPU ${missing.join(', ')}, but the machine's GPUs are: ${there}`,
    ]);
  }
  const withCpu = wanted.cpuWorker === 'on' || (wanted.cpuWorker === 'auto' && gpus.length === 0);
  const devices: Device[] = withCpu ? [...gpus, cpuDevice()] : [...gpus];
  if (devices.length === 0) {
    throw new ConfigError([
      `CPU_WORKER is "off", but no GPU was found${found.problem === null ? '' : ` (${found.problem})`}; set CPU_WORKER=auto to work on the CPU`,
    ]);
  }
  return devices;
}

function cpuDevice(): CpuDevice {
  return { kind: 'cpu', index: 0, name: cpus()[0]?.model.trim() || 'CPU' };
}

/** What a device is known by for as long as the supervisor runs: indices change when a GPU falls off the bus. */
export function deviceKey(device: Device): string {
  return device.kind === 'nvidia' ? device.uuid : 'cpu';
}
