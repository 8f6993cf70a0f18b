/** One NVIDIA GPU, or one MIG instance of it, as nvidia-smi describes it. */
export interface NvidiaDevice {
  readonly kind: 'nvidia';
  /** The GPU's; all its MIG instances share it. */
  readonly index: number;
  /** `null` for a whole GPU. */
  readonly mig: MigInstance | null;
  readonly uuid: string;
  readonly name: string;
  readonly memoryTotalMb: number | null;
  /** The GPU's. */
  readonly pciBusId: string | null;
  readonly driverVersion: string | null;
}

/** Which part of a GPU a MIG instance is. */
export interface MigInstance {
  /** What nvidia-smi calls its device; counted from 0 on each GPU. */
  readonly number: number;
  readonly gpuUuid: string;
}

/** The machine's processors, as one device. */
export interface CpuDevice {
  readonly kind: 'cpu';
  readonly index: 0;
  readonly name: string;
}

export type Device = NvidiaDevice | CpuDevice;

/** `<hostname>_gpu<index>`, `<hostname>_gpu<index>mig<number>` or `<hostname>_cpu0`: the same after every restart. */
export function workerIdOf(hostname: string, device: Device): string {
  if (device.kind === 'cpu') return `${hostname}_cpu${device.index}`;
  const instance = device.mig === null ? '' : `mig${device.mig.number}`;
  return `${hostname}_gpu${device.index}${instance}`;
}
