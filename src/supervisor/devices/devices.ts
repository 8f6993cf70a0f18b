import { cpus } from 'node:os';
import { graphics } from 'systeminformation';
import { ConfigError } from '../../shared/errors.js';
import type { Config } from '../../shared/config.js';
import type { CpuDevice, Device, NvidiaDevice } from '../../shared/device.js';
import { describeIdleGpu, listNvidiaDevices } from './nvidia-devices.js';

/** The GPUs of this machine. */
export interface FoundDevices {
  readonly nvidia: readonly NvidiaDevice[];
  /** GPUs in MIG mode without an instance. */
  readonly idle: readonly NvidiaDevice[];
  /** Names of GPUs that no execution provider of this project supports. */
  readonly unusable: readonly string[];
  /** Why the GPUs could not be listed; `null` if they could. */
  readonly problem: string | null;
}

/** Never rejects: a machine whose GPUs cannot be listed works on its CPU. */
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

/** GPUs of other vendors. Call it only without nvidia-smi, because `graphics()` runs that one synchronously. */
async function otherGpus(): Promise<string[]> {
  const { controllers } = await graphics();
  return controllers
    .filter(({ vendor }) => /amd|advanced micro|ati |intel|apple/i.test(vendor))
    .map(({ vendor, model }) => `${vendor} ${model}`.trim());
}

/** The devices that get a child. @throws {ConfigError} if `GPU_INDEX` names a GPU that does not exist */
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
    throw new ConfigError([`GPU_INDEX names GPU ${missing.join(', ')}, but this machine has: ${there}`]);
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

/** Identifies a device while the supervisor runs. The index does not: it changes when another GPU falls off the bus. */
export function deviceKey(device: Device): string {
  return device.kind === 'nvidia' ? device.uuid : 'cpu';
}
