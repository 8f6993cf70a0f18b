import type { Config } from '../../shared/config.js';
import type { NvidiaDevice } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import { describeIdleGpu, listNvidiaDevices } from './nvidia-devices.js';

export interface DeviceWatch {
  /** @param idle GPUs in MIG mode without an instance, as found at start-up */
  start(idle: readonly NvidiaDevice[]): void;
  stop(): void;
}

/** Receives every list of GPUs that the watch reads. */
export type SyncGpus = (present: readonly NvidiaDevice[], isWanted: (gpu: NvidiaDevice) => boolean) => void;

/** Lists the GPUs at an interval and passes each list to `syncGpus`. */
export function createDeviceWatch(
  syncGpus: SyncGpus,
  wanted: Config['devices'],
  logger: Logger,
): DeviceWatch {
  let timer: NodeJS.Timeout | undefined;
  let problem: string | null = null;
  let idleUuids: ReadonlySet<string> = new Set();
  let busy = false;
  let stopped = false;

  const isWanted = ({ index }: NvidiaDevice): boolean => wanted.gpuIndices?.includes(index) ?? true;

  /** Warns once about each GPU that gets no worker. */
  const warnOfIdle = (idle: readonly NvidiaDevice[]): void => {
    for (const gpu of idle) if (isWanted(gpu) && !idleUuids.has(gpu.uuid)) logger.warn(describeIdleGpu(gpu));
    idleUuids = new Set(idle.map((gpu) => gpu.uuid));
  };

  const scan = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const answer = await listNvidiaDevices();
    busy = false;
    if (stopped) return;
    // A failed query does not mean that a GPU is lost.
    const reason = answer.kind === 'error' ? answer.reason : null;
    if (reason !== null && reason !== problem) logger.warn(`Cannot list the GPUs: ${reason}`);
    problem = reason;
    if (answer.kind === 'error') return;
    warnOfIdle(answer.kind === 'devices' ? answer.idle : []);
    syncGpus(answer.kind === 'devices' ? answer.devices : [], isWanted);
  };

  return {
    start: (idle) => {
      if (wanted.cpuOnly) return;
      warnOfIdle(idle);
      timer = setInterval(() => void scan(), wanted.scanIntervalMs);
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
