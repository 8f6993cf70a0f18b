import { readdir, readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import path from 'node:path';
import { ConfigError } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { Config } from '../../shared/config.js';
import type { CpuDevice, Device, NvidiaDevice } from '../../shared/device.js';
import { describeIdleGpu, listNvidiaDevices } from './nvidia-devices.js';

/** The GPUs of this machine. */
export interface FoundDevices {
  readonly nvidia: readonly NvidiaDevice[];
  /** GPUs in MIG mode without an instance. */
  readonly idle: readonly NvidiaDevice[];
  /** Why the GPUs could not be listed; `null` if they could. */
  readonly problem: string | null;
}

/** Never rejects: a machine whose GPUs cannot be listed works on its CPU. */
export async function findDevices(): Promise<FoundDevices> {
  const answer = await listNvidiaDevices();
  switch (answer.kind) {
    case 'devices':
      return { nvidia: answer.devices, idle: answer.idle, problem: null };
    case 'error':
      return { nvidia: [], idle: [], problem: answer.reason };
    case 'absent':
      return { nvidia: [], idle: [], problem: null };
  }
}

/** Vendors whose GPUs no execution provider of this project supports, by PCI id. */
const OTHER_VENDORS: Readonly<Record<string, string>> = { '0x1002': 'AMD', '0x8086': 'Intel' };

/**
 * Logs which GPUs get no worker. Reads sysfs (Linux only), because a program could hang.
 *
 * @param root of the file system
 */
export async function logOtherGpus(logger: Logger, root = '/'): Promise<void> {
  const cards = path.join(root, 'sys/class/drm');
  const names = await readdir(cards).catch((): string[] => []);
  const vendors = await Promise.all(
    names
      .filter((name) => /^renderD\d+$/.test(name))
      .map((name) => readFile(path.join(cards, name, 'device/vendor'), 'utf8').catch(() => '')),
  );
  for (const vendor of vendors) {
    const name = OTHER_VENDORS[vendor.trim()];
    if (name === undefined) continue;
    logger.info(
      `The ${name} GPU gets no worker of its own, because it is not an NVIDIA GPU (docs/providers.md)`,
    );
  }
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
