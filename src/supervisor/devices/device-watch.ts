import type { Config } from '../../shared/config.js';
import type { NvidiaDevice } from '../../shared/device.js';
import type { Logger } from '../../shared/logger.js';
import { describeIdleGpu, listNvidiaDevices } from './nvidia-devices.js';

export interface DeviceWatch {
  /** @param idle GPUs in MIG mode without an instance, as they were found at the start */
  start(idle: readonly NvidiaDevice[]): void;
  stop(): void;
}

/** What the watch calls with every list of GPUs that it reads. */
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

  /** Tells once of each that it gets no worker. */
  const tellOfIdle = (idle: readonly NvidiaDevice[]): void => {
    for (const gpu of idle) if (isWanted(gpu) && !idleUuids.has(gpu.uuid)) logger.warn(describeIdleGpu(gpu));
    idleUuids = new Set(idle.map((gpu) => gpu.uuid));
  };

  const scan = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const answer = await listNvidiaDevices();
    busy = false;
    if (stopped) return;
    // Without an answer nothing is known: no GPU is given up for that.
    const said = answer.kind === 'error' ? answer.reason : null;
    if (said !== null && said !== problem) logger.warn(`The GPUs cannot be listed: ${said}`);
    problem = said;
    if (answer.kind === 'error') return;
    tellOfIdle(answer.kind === 'devices' ? answer.idle : []);
    syncGpus(answer.kind === 'devices' ? answer.devices : [], isWanted);
  };

  return {
    start: (idle) => {
      if (wanted.cpuOnly) return;
      tellOfIdle(idle);
      timer = setInterval(() => void scan(), wanted.scanIntervalMs);
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
