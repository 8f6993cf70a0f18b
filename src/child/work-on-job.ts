import type { Job } from 'bullmq';
import type { Config } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import type { SearchMatch } from '../shared/job.js';
import type { Logger } from '../shared/logger.js';
import type { Engine } from './inference/engine.js';
import { createJobLog } from './job-log.js';
import { createJobProgress } from './job-progress.js';
import { processJob } from './process-job.js';
import { untilStopped } from './running-job.js';

/** Often enough for a person who watches a bar, seldom enough for a queue of thousands. */
const REDIS_PROGRESS_INTERVAL_MS = 100;
const IPC_PROGRESS_INTERVAL_MS = 250;

export interface WorkOnJobDeps {
  readonly engine: Engine;
  readonly settings: Config['jobs'];
  readonly onProgress: (percent: number) => void;
  readonly logger: Logger;
}

/** Runs one job, and writes its progress and its log beside it: a write that fails never fails the job. */
export async function workOnJob(
  job: Job,
  signal: AbortSignal,
  { engine, settings, onProgress, logger }: WorkOnJobDeps,
): Promise<SearchMatch[]> {
  const warn = (what: string) => (error: unknown) =>
    logger.warn({ job: job.id, error: messageOf(error) }, what);
  const toRedis = createJobProgress({
    intervalMs: REDIS_PROGRESS_INTERVAL_MS,
    write: (percent) => job.updateProgress(percent),
    onError: warn("Cannot write the job's progress"),
  });
  const toSupervisor = createJobProgress({
    intervalMs: IPC_PROGRESS_INTERVAL_MS,
    write: async (percent) => onProgress(percent),
    onError: warn("Cannot tell the supervisor the job's progress"),
  });
  const log = createJobLog((line) => job.log(line), warn("Cannot write the job's log"));

  try {
    return await untilStopped(
      processJob({
        data: job.data,
        engine,
        settings,
        signal,
        reportProgress: (percent) => {
          toRedis.report(percent);
          toSupervisor.report(percent);
        },
        log: (line) => log.note(line),
      }),
      signal,
    );
  } finally {
    if (!signal.aborted) {
      // What is written after the job's end would come too late.
      await untilStopped(Promise.all([toRedis.settle(), toSupervisor.settle(), log.settle()]), signal).catch(
        (error: unknown) => logger.debug({ job: job.id, error: messageOf(error) }, 'Stopped at the very end'),
      );
    }
    toRedis.stop();
    toSupervisor.stop();
  }
}
