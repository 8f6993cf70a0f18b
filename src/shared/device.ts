/** An NVIDIA GPU or one of its MIG instances, as nvidia-smi describes it. */
export interface NvidiaDevice {
  readonly kind: 'nvidia';
  /** The GPU's index. Its MIG instances share it. */
  readonly index: number;
  /** `null` for a whole GPU. */
  readonly mig: MigInstance | null;
  readonly uuid: string;
  readonly name: string;
  readonly memoryTotalMb: number | null;
  /** The GPU's address. */
  readonly pciBusId: string | null;
}

/** Identifies a MIG instance within its GPU. */
export interface MigInstance {
  /** The device number that nvidia-smi prints, from 0 on each GPU. */
  readonly number: number;
  readonly gpuUuid: string;
}

/** All processors of the machine, as one device. */
export interface CpuDevice {
  readonly kind: 'cpu';
  readonly index: 0;
  readonly name: string;
}

export type Device = NvidiaDevice | CpuDevice;

/** `<hostname>_gpu<index>`, `<hostname>_gpu<index>mig<number>` or `<hostname>_cpu0`. A restart does not change it. */
export function workerIdOf(hostname: string, device: Device): string {
  if (device.kind === 'cpu') return `${hostname}_cpu${device.index}`;
  const instance = device.mig === null ? '' : `mig${device.mig.number}`;
  return `${hostname}_gpu${device.index}${instance}`;
}
