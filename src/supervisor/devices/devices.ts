import { cpus } from 'node:os';
import { graphics } from 'systeminformation';
import { ConfigError } from '../../shared/errors.js';
import type { Config } from '../../shared/config.js';
import type { CpuDevice, Device, NvidiaDevice } from '../../shared/device.js';
import { describeIdleGpu, listNvidiaDevices } from './nvidia-devices.js';

/** What the machine was found to have. */
export interface FoundDevices {
  readonly nvidia: readonly NvidiaDevice[];
  /** GPUs in MIG mode without an instance. */
  readonly idle: readonly NvidiaDevice[];
  /** GPUs that no execution provider of ours can use yet, by name. */
  readonly unusable: readonly string[];
  /** What went wrong on the way, `null` where nothing did. */
  readonly problem: string | null;
}

/** Looks for GPUs without blocking the event loop for long, and never rejects: a machine that cannot tell works on its CPU. */
export async function findDevices(): Promise<FoundDevices> {
  const answer = await listNvidiaDevices();
  switch (answer.kind) {
    case 'devices':
      return { nvidia: answer.devices, idle: answer.idle, unusable: [], problem: null };
    case 'error':
      return { nvidia: [], idle: [], unusable: [], problem: answer.reason };
    case 'absent':
      return { nvidia: [], idle: [], unusable: await otherGpus(), problem: null };
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
  const idle = found.idle.filter((gpu) => gpuIndices?.includes(gpu.index) ?? false);
  if (idle.length > 0) throw new ConfigError(idle.map((gpu) => `GPU_INDEX: ${describeIdleGpu(gpu)}`));
  const known = new Set([...found.nvidia, ...found.idle].map((gpu) => gpu.index));
  const missing = (gpuIndices ?? []).filter((index) => !known.has(index));
  if (missing.length > 0 && found.problem === null) {
    const there = [...known].toSorted((a, b) => a - b).join(', ') || 'none';
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

/** What a device is known by for as long as the supervisor runs: indices change when a GPU falls off the bus. A MIG instance has a uuid of its own. */
export function deviceKey(device: Device): string {
  return device.kind === 'nvidia' ? device.uuid : 'cpu';
}
