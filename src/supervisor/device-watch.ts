import type { Config } from '../shared/config.js';
import type { Logger } from '../shared/logger.js';
import type { Fleet } from './fleet.js';
import { queryNvidiaGpus } from './nvidia-smi.js';

export interface DeviceWatch {
  start(): void;
  stop(): void;
}

/** Reads the list of GPUs again and again, and keeps the fleet in line with it. */
export function createDeviceWatch(fleet: Fleet, wanted: Config['devices'], logger: Logger): DeviceWatch {
  let timer: NodeJS.Timeout | undefined;
  let problem: string | null = null;
  let busy = false;
  let stopped = false;

  const scan = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    const answer = await queryNvidiaGpus();
    busy = false;
    if (stopped) return;
    // Without an answer nothing is known: no GPU is given up for that.
    const said = answer.kind === 'error' ? answer.reason : null;
    if (said !== null && said !== problem) logger.warn(`The GPUs cannot be listed: ${said}`);
    problem = said;
    if (answer.kind === 'error') return;
    const present = answer.kind === 'gpus' ? answer.gpus.map((gpu) => gpu.device) : [];
    fleet.syncGpus(present, (gpu) => wanted.gpuIndices?.includes(gpu.index) ?? true);
  };

  return {
    start: () => {
      if (!wanted.cpuOnly) timer = setInterval(() => void scan(), wanted.scanIntervalMs);
    },
    stop: () => {
      stopped = true;
      clearInterval(timer);
    },
  };
}
