/** One NVIDIA GPU as nvidia-smi describes it. */
export interface NvidiaDevice {
  readonly kind: 'nvidia';
  readonly index: number;
  readonly uuid: string;
  readonly name: string;
  readonly memoryTotalMb: number | null;
  readonly pciBusId: string | null;
  readonly driverVersion: string | null;
}

/** The machine's processors, as one device. */
export interface CpuDevice {
  readonly kind: 'cpu';
  readonly index: 0;
  readonly name: string;
}

export type Device = NvidiaDevice | CpuDevice;

/** `<hostname>_gpu<index>` or `<hostname>_cpu0`: the same after every restart. */
export function workerIdOf(hostname: string, device: Device): string {
  return `${hostname}_${device.kind === 'cpu' ? 'cpu' : 'gpu'}${device.index}`;
}
