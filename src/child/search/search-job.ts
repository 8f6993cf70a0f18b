import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { SearchDurations } from '../../shared/durations.js';
import { messageOf } from '../../shared/errors.js';
import type { SearchResult } from '../../shared/job.js';
import type { Logger } from '../../shared/logger.js';
import { awaitIndex } from '../indexing/await-index.js';
import { createJobLog } from '../jobs/job-log.js';
import { createJobProgress } from '../jobs/job-progress.js';
import type { WorkResult } from '../jobs/job-worker.js';
import { runSearch, type SearchTools } from './run-search.js';
import { GALLERY_PERCENT, SELFIE_PERCENT } from '../jobs/progress-steps.js';
import { raiseProgress } from '../jobs/raise-progress.js';
import { untilStopped } from '../jobs/running-job.js';
import { idOf } from '../jobs/running-jobs.js';

/** Often enough for a person who watches a bar, seldom enough for a queue of thousands. */
const REDIS_PROGRESS_INTERVAL_MS = 100;
const IPC_PROGRESS_INTERVAL_MS = 250;

export interface SearchJobDeps {
  readonly tools: SearchTools;
  readonly redis: Redis;
  readonly searchQueue: Queue;
  readonly indexQueue: Queue;
  readonly onProgress: (jobId: string, percent: number) => void;
  readonly onTimed: (durations: SearchDurations) => void;
  readonly logger: Logger;
}

/**
 * Runs one search, and writes its progress and its log beside it: a write that fails never fails the job. A
 * search of photos that nobody knows yet is put aside until the fleet has indexed them.
 */
export async function runSearchJob(
  job: Job,
  token: string,
  signal: AbortSignal,
  { tools, redis, searchQueue, indexQueue, onProgress, onTimed, logger }: SearchJobDeps,
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
    onError: warn("Cannot tell the supervisor the job's progress"),
  });
  const log = createJobLog((line) => job.log(line), warn("Cannot write the job's log"));
  const reportProgress = (percent: number): void => {
    toRedis.report(percent);
    toSupervisor.report(percent);
  };

  const search = async (): Promise<WorkResult<SearchResult>> => {
    const startedMs = Date.now();
    const { result, unindexed, known, selfieS, galleryS } = await runSearch({
      ...tools,
      data: job.data,
      signal,
      reportProgress,
      log: (line) => log.note(line),
    });
    if (unindexed.length > 0) {
      reportProgress(SELFIE_PERCENT + known * (GALLERY_PERCENT - SELFIE_PERCENT));
      await toRedis.settle();
      const wait = await awaitIndex(job, token, unindexed, indexQueue);
      if (wait.kind === 'moved') return wait;
      for (const photo of wait.photos) log.note(`Skipped photo ${photo}: it could not be indexed`);
    }
    reportProgress(100);
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
      // What is written after the job's end would come too late.
      await untilStopped(Promise.all([toRedis.settle(), toSupervisor.settle(), log.settle()]), signal).catch(
        (error: unknown) => logger.debug({ job: job.id, error: messageOf(error) }, 'Stopped at the very end'),
      );
    }
    toRedis.stop();
    toSupervisor.stop();
  }
}

/** By the machines' clocks, which may differ by a little. */
function sinceAdded(job: Job, startedMs: number): Omit<SearchDurations, 'selfie' | 'gallery'> {
  const nowMs = Date.now();
  return {
    wait: Math.max(0, startedMs - job.timestamp) / 1000,
    run: Math.max(0, nowMs - startedMs) / 1000,
    total: Math.max(0, nowMs - job.timestamp) / 1000,
  };
}
