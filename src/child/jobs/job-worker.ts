import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { type FetchedMarks, fetchMarks, readMarks } from '../../shared/cancel-job.js';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { isConnectionError } from '../../shared/redis-connection.js';
import { type Drain, startDrain } from './drain.js';
import { createEarlyCancels } from './early-cancels.js';
import { createJobRunner, type JobRunnerDeps } from './job-runner.js';
import { createRepeatedWarning } from './repeated-warning.js';
import type { JobOutcome } from './running-job.js';
import { createRunningJobs, idOf, redisKeyOf } from './running-jobs.js';
import { SettlingWorker } from './settling-worker.js';

/** Pause after a fetch that Redis refused. BullMQ's default of 15 s would leave a worker idle. */
const RETRY_DELAY_MS = 500;
/**
 * The supervisor returns the jobs of a dead child at once and counts its crashes. BullMQ's stall check is only the
 * fallback for a whole machine that is gone.
 */
const MAX_STALLED_COUNT = 3;
/** Default for jobs whose client does not say what to keep: results are large, and nothing else removes them. */
const KEEP_COMPLETED = { age: 86_400, count: 1000 };
/** Failed jobs are for operators. Their selfies go earlier. */
const KEEP_FAILED = { age: 30 * 86_400, count: 10_000 };

const NO_MARKS: FetchedMarks = { isCancelled: false, isMarked: false };

export interface JobEvents {
  started(jobId: string): void;
  ended(jobId: string, outcome: JobOutcome): void;
}

export interface JobWorkerDeps<T> extends Pick<
  JobRunnerDeps<T>,
  'work' | 'threadDied' | 'failsAfterCrashes' | 'finalPercent' | 'gate'
> {
  readonly queue: { readonly name: string; readonly prefix: string };
  readonly workerId: string;
  /** Jobs at a time. */
  readonly concurrency: number;
  /** Called when a job completes, or fails without attempts left. */
  readonly onFinal?: (job: Job, outcome: 'completed' | 'failed') => Promise<void>;
  /** A connected client. The caller closes it after the worker has stopped. */
  readonly redis: Redis;
  readonly events: JobEvents;
  readonly logger: Logger;
}

export interface JobWorker {
  readonly concurrency: number;
  readonly lockTokenPrefix: string;
  activeJobs(): number;
  /** Starts to take jobs. */
  resume(): void;
  /** Stops taking jobs. Running jobs continue. */
  quiet(): void;
  /** Gives all running jobs back to the queue. */
  giveBack(): void;
  /** Ends a job as `CANCELLED` if it runs here. A job that is about to start checks Redis for a cancel. */
  cancel(jobId: string): void;
  /**
   * Takes no new jobs, lets the running ones finish within `timeoutMs`, and gives the rest back. Settles soon after
   * that, even if Redis does not answer. A later call can shorten the time.
   */
  drain(timeoutMs: number): Promise<void>;
}

/**
 *   quiet ◀──quiet, resume──▶ taking
 *     └─────────drain───────────┴──▶ draining ──▶ stopped
 */
type WorkerState =
  | { readonly kind: 'quiet' }
  | { readonly kind: 'taking' }
  | { readonly kind: 'draining'; readonly drain: Drain }
  | { readonly kind: 'stopped' };

/** Creates a worker of one queue. It takes no jobs until `resume()`. */
export function createJobWorker<T>({
  queue,
  workerId,
  concurrency,
  onFinal,
  redis,
  events,
  logger,
  ...runnerDeps
}: JobWorkerDeps<T>): JobWorker {
  let state: WorkerState = { kind: 'quiet' };
  const enter = (next: WorkerState): void => {
    logger.info({ from: state.kind, to: next.kind, activeJobs: running.count() }, 'Job worker state');
    state = next;
  };

  const marks = new WeakMap<Job, FetchedMarks>();
  const earlyCancels = createEarlyCancels();
  const running = createRunningJobs({
    onBegin: (jobId) => {
      logger.info({ job: jobId }, 'Job fetched');
    },
    onEnd: (jobId, outcome) => {
      logger.info({ job: jobId, outcome }, 'Job ended');
      events.ended(jobId, outcome);
    },
  });

  const runJob = createJobRunner<T>({
    ...runnerDeps,
    redis,
    running,
    marksOf: async (job) =>
      earlyCancels.has(idOf(job)) ? fetchMarks(redis, redisKeyOf(job)) : (marks.get(job) ?? NO_MARKS),
    isTaking: () => state.kind === 'taking',
    onStarted: (jobId) => events.started(jobId),
    logger,
  });

  const finishing = new Set<Promise<void>>();
  const finish = (job: Job, outcome: 'completed' | 'failed'): void => {
    if (onFinal === undefined) return;
    const work = onFinal(job, outcome)
      .catch((error: unknown) => {
        logger.warn({ job: job.id, error: messageOf(error) }, 'Cannot clean up after a job');
      })
      .finally(() => finishing.delete(work));
    finishing.add(work);
  };
  const close = async (): Promise<void> => {
    // A BullMQ worker that closes while it connects leaves an unhandled rejection behind.
    await worker.waitUntilReady().catch(() => undefined);
    await worker.close();
    await Promise.all(finishing);
  };

  const worker = new SettlingWorker<unknown, T>(
    queue.name,
    (job, token) => runJob(job, token ?? ''),
    {
      connection: redis,
      prefix: queue.prefix,
      name: workerId,
      concurrency,
      autorun: false,
      maxStalledCount: MAX_STALLED_COUNT,
      runRetryDelay: RETRY_DELAY_MS,
      removeOnComplete: KEEP_COMPLETED,
      removeOnFail: KEEP_FAILED,
    },
    (job, hash) => marks.set(job, readMarks(hash)),
    (job) => running.end(job, 'returned'),
  );
  worker.on('active', (job) => running.begin(job));
  worker.on('completed', (job) => {
    running.end(job, 'completed');
    finish(job, 'completed');
  });
  worker.on('failed', (job, error) => {
    if (job === undefined) return;
    logger.info({ job: job.id, reason: error.message }, 'Job failed');
    running.end(job, 'failed');
    // BullMQ sets `finishedOn` only if no attempt is left.
    if (job.finishedOn !== undefined) finish(job, 'failed');
  });
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const jobId of jobIds) running.byId(jobId)?.stop('lock-lost');
  });
  const warn = createRepeatedWarning((message) => logger.warn({ error: message }, 'BullMQ reports an error'));
  worker.on('error', (error) => {
    // The connection already logs when it is lost and when it is back.
    if (isConnectionError(error)) return;
    warn(error.message);
    pauseBriefly();
  });

  // If Redis refuses a fetch (out of memory, disk full, no rights), BullMQ retries at once, thousands of times a second.
  const pauseBriefly = (): void => {
    if (state.kind !== 'taking' || worker.isPaused()) return;
    void worker.pause(true);
    setTimeout(() => state.kind === 'taking' && worker.resume(), RETRY_DELAY_MS);
  };

  const giveBackAll = (): void => {
    for (const entry of running.all()) {
      logger.warn({ job: entry.job.id }, 'Giving the job back to the queue');
      entry.stop('give-back');
    }
  };

  return {
    concurrency,
    lockTokenPrefix: worker.id,
    activeJobs: () => running.count(),
    resume: () => {
      if (state.kind !== 'quiet') return;
      enter({ kind: 'taking' });
      worker.resume();
    },
    quiet: () => {
      if (state.kind !== 'taking') return;
      enter({ kind: 'quiet' });
      void worker.pause(true);
    },
    giveBack: giveBackAll,
    cancel: (jobId) => {
      const entry = running.byId(jobId);
      if (entry === null) {
        earlyCancels.add(jobId);
        return;
      }
      logger.info({ job: jobId }, 'Cancelling the job on request');
      entry.stop('cancelled');
    },
    drain: async (timeoutMs) => {
      if (state.kind === 'stopped') return;
      if (state.kind === 'draining') {
        state.drain.within(timeoutMs);
        return state.drain.done;
      }
      const drain = startDrain(timeoutMs, close, giveBackAll);
      enter({ kind: 'draining', drain });
      await drain.done;
      enter({ kind: 'stopped' });
    },
  };
}
