import type { Logger } from '../../shared/logger.js';
import { type NvidiaGpu, type NvidiaQuery, queryNvidiaGpus } from './nvidia-smi.js';

export interface GpuMonitor {
  /** By uuid. Empty while the figures are unknown. */
  figures(): ReadonlyMap<string, NvidiaGpu>;
  /** Why the figures are unknown, `null` if they are known. */
  problem(): string | null;
  start(): void;
  stop(): void;
}

export interface GpuMonitorDeps {
  readonly intervalMs: number;
  /** Whether a worker has a GPU. Without one, nvidia-smi does not run. */
  readonly isNeeded: () => boolean;
  /** Called after each interval, with or without an answer. */
  readonly onFigures: (figures: ReadonlyMap<string, NvidiaGpu>) => void;
  readonly logger: Logger;
  readonly query?: () => Promise<NvidiaQuery>;
}

/** Reads the GPUs' figures on its own schedule, so that a hung nvidia-smi never delays a heartbeat. */
export function createGpuMonitor(deps: GpuMonitorDeps): GpuMonitor {
  const query = deps.query ?? queryNvidiaGpus;
  let figures: ReadonlyMap<string, NvidiaGpu> = new Map();
  let problem: string | null = null;
  let isReading = false;
  let timer: NodeJS.Timeout | undefined;

  const setProblem = (next: string | null): void => {
    if (next !== null && problem === null) deps.logger.warn(`The figures of the GPUs are unknown: ${next}`);
    if (next === null && problem !== null) deps.logger.info('The figures of the GPUs are known again');
    problem = next;
  };

  const read = async (): Promise<void> => {
    if (isReading) return;
    if (deps.isNeeded()) {
      isReading = true;
      const answer = await query();
      isReading = false;
      figures = new Map(
        answer.kind === 'gpus' ? answer.gpus.map((gpu) => [gpu.device.uuid, gpu] as const) : [],
      );
      if (answer.kind === 'gpus') setProblem(null);
      else setProblem(answer.kind === 'error' ? answer.reason : 'there is no nvidia-smi');
    }
    deps.onFigures(figures);
  };

  return {
    figures: () => figures,
    problem: () => problem,
    start: () => {
      timer = setInterval(() => void read(), deps.intervalMs);
      void read();
    },
    stop: () => clearInterval(timer),
  };
}
