import type { NvidiaDevice } from '../../shared/device.js';
import { type ListedMigInstance, parseMigInstances } from './mig-instances.js';
import { type NvidiaGpu, queryNvidiaGpus } from './nvidia-smi.js';
import {
  NVIDIA_SMI_TIMEOUT_MS,
  type NvidiaAbsent,
  type NvidiaError,
  runNvidiaSmi,
} from './run-nvidia-smi.js';

/** What CUDA programs can run on. */
export interface NvidiaDevices {
  readonly kind: 'devices';
  /** Whole GPUs, and the MIG instances of GPUs in MIG mode. */
  readonly devices: readonly NvidiaDevice[];
  /** GPUs in MIG mode without an instance: nothing can run on them. */
  readonly idle: readonly NvidiaDevice[];
}

/** Lists them with one nvidia-smi, with two where a GPU is in MIG mode, and never rejects. */
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
    // The GPU's memory is not the instance's.
    memoryTotalMb: null,
  };
}

/** Why such a GPU gets no worker, and what to do. */
export function describeIdleGpu({ index, name }: NvidiaDevice): string {
  return (
    `GPU ${index} (${name}) is in MIG mode and has no instance to work on, so it gets no worker: ` +
    `create some with "nvidia-smi mig -i ${index} -cgi <profile> -C" ("nvidia-smi mig -i ${index} -lgip" lists the profiles), ` +
    `or leave MIG mode with "nvidia-smi -i ${index} -mig 0"`
  );
}
