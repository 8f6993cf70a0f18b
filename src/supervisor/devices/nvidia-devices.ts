import type { NvidiaDevice } from '../../shared/device.js';
import { type NvidiaGpu, queryNvidiaGpus } from './nvidia-smi.js';
import {
  NVIDIA_SMI_TIMEOUT_MS,
  type NvidiaAbsent,
  type NvidiaError,
  runNvidiaSmi,
} from './run-nvidia-smi.js';

/** The devices that CUDA programs can run on. */
export interface NvidiaDevices {
  readonly kind: 'devices';
  /** Whole GPUs, and the MIG instances of GPUs in MIG mode. */
  readonly devices: readonly NvidiaDevice[];
  /** GPUs in MIG mode without an instance. Nothing can run on them. */
  readonly idle: readonly NvidiaDevice[];
}

/** Runs nvidia-smi once, or twice if a GPU is in MIG mode. Never rejects. */
export async function listNvidiaDevices(): Promise<NvidiaDevices | NvidiaAbsent | NvidiaError> {
  const answer = await queryNvidiaGpus();
  if (answer.kind !== 'gpus') return answer;
  if (!answer.gpus.some((gpu) => gpu.migEnabled)) return devicesOf(answer.gpus, []);
  const list = await runNvidiaSmi(['-L'], NVIDIA_SMI_TIMEOUT_MS);
  switch (list.kind) {
    case 'text':
      return devicesOf(answer.gpus, parseMigInstances(list.text));
    case 'refused':
      return { kind: 'error', reason: 'nvidia-smi does not know the option -L' };
    case 'absent':
    case 'error':
      return list;
  }
}

export function devicesOf(
  gpus: readonly NvidiaGpu[],
  instances: readonly ListedMigInstance[],
): NvidiaDevices {
  const found = gpus.map((gpu) => ({
    gpu,
    parts: instances.filter(({ gpuUuid }) => gpuUuid === gpu.device.uuid),
  }));
  return {
    kind: 'devices',
    devices: found.flatMap(({ gpu, parts }) =>
      gpu.migEnabled ? parts.map((part) => instanceOf(gpu.device, part)) : [gpu.device],
    ),
    idle: found.filter(({ gpu, parts }) => gpu.migEnabled && parts.length === 0).map(({ gpu }) => gpu.device),
  };
}

function instanceOf(gpu: NvidiaDevice, { number, profile, uuid }: ListedMigInstance): NvidiaDevice {
  return {
    ...gpu,
    mig: { number, gpuUuid: gpu.uuid },
    uuid,
    name: `${gpu.name} MIG ${profile}`,
    // Only the whole GPU's memory is known here.
    memoryTotalMb: null,
  };
}

/** Explains why the GPU gets no worker, and what to do. */
export function describeIdleGpu({ index, name }: NvidiaDevice): string {
  return (
    `GPU ${index} (${name}) is in MIG mode and has no instance, so it gets no worker: ` +
    `create instances with "nvidia-smi mig -i ${index} -cgi <profile> -C" ("nvidia-smi mig -i ${index} -lgip" lists the profiles), ` +
    `or leave MIG mode with "nvidia-smi -i ${index} -mig 0"`
  );
}

/** A MIG instance that CUDA can use: a GPU instance that holds a compute instance. */
export interface ListedMigInstance {
  readonly gpuUuid: string;
  readonly number: number;
  /** `1g.10gb`, or `1c.3g.20gb` if compute instances share a GPU instance. */
  readonly profile: string;
  /** `MIG-<uuid>`; drivers before R470 write `MIG-GPU-<uuid>/<GPU instance>/<compute instance>`. */
  readonly uuid: string;
}

const GPU_LINE = /^GPU \d+: .*\(UUID: (GPU-[\w-]+)\)/;
const MIG_LINE = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[\w/-]+)\)/;

/** Parses `nvidia-smi -L`, which lists each GPU's MIG instances below it (NVIDIA's MIG user guide). */
export function parseMigInstances(list: string): ListedMigInstance[] {
  let gpuUuid: string | undefined;
  return list.split('\n').flatMap((line) => {
    if (line.startsWith('GPU ')) gpuUuid = GPU_LINE.exec(line)?.[1];
    const [, profile, number, uuid] = MIG_LINE.exec(line) ?? [];
    return gpuUuid === undefined || profile === undefined || number === undefined || uuid === undefined
      ? []
      : [{ gpuUuid, number: Number(number), profile, uuid }];
  });
}
