import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SearchDurations } from '../../shared/durations.js';
import { messageOf } from '../../shared/errors.js';
import type { SearchResult } from '../../shared/job.js';
import type { Logger } from '../../shared/logger.js';
import { addLogLines, createJobLog } from '../jobs/job-log.js';
import { createJobProgress } from '../jobs/job-progress.js';
import type { WorkResult } from '../jobs/job-runner.js';
import type { SearchTools } from './run-search.js';
import { searchOrWait, type WaitingDeps } from './search-or-wait.js';
import { raiseProgress } from '../../shared/raise-progress.js';
import { untilStopped } from '../jobs/running-job.js';
import { idOf } from '../jobs/running-jobs.js';

/** Smooth for a person who watches a bar, and cheap for a queue of thousands. */
const REDIS_PROGRESS_INTERVAL_MS = 100;
const IPC_PROGRESS_INTERVAL_MS = 250;

export interface SearchJobDeps {
  readonly tools: SearchTools;
  readonly redis: Redis;
  readonly searchQueue: Queue;
  readonly waiting: Omit<WaitingDeps, 'settle'>;
  readonly onProgress: (jobId: string, percent: number) => void;
  readonly onTimed: (durations: SearchDurations) => void;
  readonly logger: Logger;
}

/**
 * Runs one search, and writes its progress and its log. A failed write never fails the job. A search of photos that are not
 * indexed yet waits until the fleet has indexed them.
 */
export async function runSearchJob(
  job: Job,
  token: string,
  signal: AbortSignal,
  { tools, redis, searchQueue, waiting, onProgress, onTimed, logger }: SearchJobDeps,
): Promise<WorkResult<SearchResult>> {
  const warn = (what: string) => (error: unknown) =>
    logger.warn({ job: job.id, error: messageOf(error) }, what);
  const toRedis = createJobProgress({
    intervalMs: REDIS_PROGRESS_INTERVAL_MS,
    write: (percent) => raiseProgress(redis, searchQueue, idOf(job), percent),
    onError: warn("Cannot write the job's progress"),
  });
  const toSupervisor = createJobProgress({
    intervalMs: IPC_PROGRESS_INTERVAL_MS,
    write: async (percent) => onProgress(idOf(job), percent),
    onError: warn("Cannot send the job's progress to the supervisor"),
  });
  const log = createJobLog(
    (lines) => addLogLines(redis, searchQueue, idOf(job), lines),
    warn("Cannot write the job's log"),
  );
  const reportProgress = (percent: number): void => {
    toRedis.report(percent);
    toSupervisor.report(percent);
  };

  const settle = async (): Promise<void> => {
    await Promise.all([toRedis.settle(), log.settle()]);
  };

  const search = async (): Promise<WorkResult<SearchResult>> => {
    const startedMs = Date.now();
    const context = {
      ...tools,
      data: job.data,
      signal,
      reportProgress,
      log: (line: string) => log.note(line),
    };
    const outcome = await searchOrWait(job, token, context, { ...waiting, settle });
    if (outcome === null) return { kind: 'moved' };
    const { result, selfieS, galleryS } = outcome;
    // The runner writes 100 to Redis, together with the end of the job, and the supervisor learns that it has ended.
    toRedis.stop();
    toSupervisor.stop();
    onTimed({ ...sinceAdded(job, startedMs), selfie: selfieS, gallery: galleryS });
    return { kind: 'done', value: result };
  };

  let isMoved = false;
  try {
    const result = await untilStopped(search(), signal);
    isMoved = result.kind === 'moved';
    return result;
  } finally {
    if (!signal.aborted && !isMoved) {
      // Nothing can be written after the job's end.
      await untilStopped(Promise.all([toRedis.settle(), toSupervisor.settle(), log.settle()]), signal).catch(
        (error: unknown) => logger.debug({ job: job.id, error: messageOf(error) }, 'Stopped at the very end'),
      );
    }
    toRedis.stop();
    toSupervisor.stop();
  }
}

/** By the machines' clocks, which may differ a little. */
function sinceAdded(job: Job, startedMs: number): Omit<SearchDurations, 'selfie' | 'gallery'> {
  const nowMs = Date.now();
  return {
    wait: Math.max(0, startedMs - job.timestamp) / 1000,
    run: Math.max(0, nowMs - startedMs) / 1000,
    total: Math.max(0, nowMs - job.timestamp) / 1000,
  };
}
