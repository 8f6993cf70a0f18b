import { type Job, UnrecoverableError, WaitingError } from 'bullmq';
import type { Redis } from 'ioredis';
import { beginCancellableJob, endCancellableJob } from '../../shared/cancel-job.js';
import { messageOf } from '../../shared/errors.js';
import { countJobCrash, crashedTooOften, MAX_JOB_CRASHES } from '../../shared/job-crashes.js';
import type { Logger } from '../../shared/logger.js';
import { isConnectionError } from '../../shared/redis-connection.js';
import { type Drain, startDrain } from './drain.js';
import { decideJobEnd, type JobEnd } from './job-end.js';
import { createRepeatedWarning } from './repeated-warning.js';
import { type JobOutcome, type RunningJob, untilStopped } from './running-job.js';
import { createRunningJobs, idOf } from './running-jobs.js';
import { isSuspect, type Gate } from './gate.js';
import { SettlingWorker } from './settling-worker.js';

/** How long a fetch that failed is not tried again. BullMQ's own 15 s would leave a worker idle. */
const RETRY_DELAY_MS = 500;
/** The supervisor gives back the jobs of a dead child at once and counts its crashes; this is the net below it. */
const MAX_STALLED_COUNT = 3;
/** For jobs whose client did not say what to keep: results are large, and nobody else removes them. */
const KEEP_COMPLETED = { age: 86_400, count: 1000 };

export interface JobEvents {
  started(jobId: string): void;
  ended(jobId: string, outcome: JobOutcome): void;
}

/** What has become of a job once its work is done. */
export type WorkResult<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** It was moved to wait for something else: it is no longer this worker's. */
  | { readonly kind: 'moved' };

export interface JobWorkerDeps<T> {
  readonly queue: { readonly name: string; readonly prefix: string };
  readonly workerId: string;
  /** Jobs at a time. */
  readonly concurrency: number;
  /** @throws {JobError} the job itself is at fault */
  readonly work: (job: Job, token: string, signal: AbortSignal) => Promise<WorkResult<T>>;
  /** Called once a job has ended for good. */
  readonly onFinal?: (job: Job, outcome: 'completed' | 'failed') => Promise<void>;
  /** The first death of a thread that the work needs. */
  readonly threadDied: Promise<Error>;
  /** Whether a job over which too many threads and children have died fails as `CRASHED_WORKER`. */
  readonly failsAfterCrashes: boolean;
  /** Shared by all workers of the child: a suspect job runs alone in it. */
  readonly gate: Gate;
  /** Connected. It is the caller's to end, after the worker has stopped. */
  readonly redis: Redis;
  readonly events: JobEvents;
  readonly logger: Logger;
}

export interface JobWorker {
  readonly concurrency: number;
  readonly lockTokenPrefix: string;
  activeJobs(): number;
  /** Takes jobs. */
  resume(): void;
  /** Takes no new jobs; the running ones go on. */
  quiet(): void;
  /** Gives all running jobs back to the queue. */
  giveBack(): void;
  /** Ends a job as `CANCELLED` if it runs here. A job that is about to start looks in Redis itself. */
  cancel(jobId: string): void;
  /**
   * Takes no new jobs, finishes the running ones within `timeoutMs` and gives back the rest. Settles at the
   * latest a moment after that, whatever Redis does. A later call may shorten the time.
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

/** A worker of one queue. It is quiet at first. */
export function createJobWorker<T>({
  queue,
  workerId,
  concurrency,
  work,
  onFinal,
  threadDied,
  failsAfterCrashes,
  gate,
  redis,
  events,
  logger,
}: JobWorkerDeps<T>): JobWorker {
  let state: WorkerState = { kind: 'quiet' };
  let threadDeath: Error | null = null;
  void threadDied.then((error) => {
    threadDeath = error;
  });

  const enter = (next: WorkerState): void => {
    logger.info({ from: state.kind, to: next.kind, activeJobs: running.count() }, 'Job worker state');
    state = next;
  };

  const running = createRunningJobs({
    onBegin: (jobId) => {
      logger.info({ job: jobId }, 'Job fetched');
    },
    onEnd: (jobId, outcome) => {
      logger.info({ job: jobId, outcome }, 'Job ended');
      events.ended(jobId, outcome);
    },
  });

  const workOn = async (job: Job, token: string): Promise<T> => {
    const entry = running.get(job);
    if (entry === null) return abandon();
    // A fetch that was under way when the worker became quiet still brings its job.
    if (state.kind !== 'taking') return giveBack(job, token);
    let result: WorkResult<T>;
    try {
      if (await isCancelled(beginCancellableJob, entry)) entry.stop('cancelled');
      result = await runInTurn(entry, token);
      if (result.kind === 'done') await refuseCancels(entry);
    } catch (error) {
      return endBadly(entry, token, error);
    }
    if (result.kind === 'moved') return leave(job);
    running.worked(job, 'completed');
    return result.value;
  };

  const endBadly = async (entry: RunningJob, token: string, error: unknown): Promise<never> => {
    const { job } = entry;
    // An engine that dies fails its images first and says so then.
    await new Promise(setImmediate);
    const end = await decideEnd(entry, error);
    switch (end.kind) {
      case 'fail':
        logger.info({ job: job.id, code: end.error.code, detail: end.error.detail }, 'The job is at fault');
        running.worked(job, 'failed');
        throw new UnrecoverableError(end.error.message);
      case 'retry':
        logger.error({ job: job.id, error: end.error.stack }, 'The job failed by no fault of its own');
        running.worked(job, 'failed');
        throw end.error;
      case 'give-back':
        return giveBack(job, token);
      case 'abandon':
        return abandon();
    }
  };

  const decideEnd = async (entry: RunningJob, error: unknown): Promise<JobEnd> => {
    const end = decideJobEnd(error, entry.stopped(), threadDeath === null);
    if (end.kind === 'retry') {
      // A cancel that this worker has not heard of yet must not be lost with the attempt.
      await refuseCancels(entry).catch(() => undefined);
      if (entry.stopped() !== null) return decideJobEnd(error, entry.stopped(), threadDeath === null);
    }
    if (end.kind !== 'give-back' || threadDeath === null || !entry.started()) return end;
    const crashes = await countJobCrash(redis, entry.job.queueQualifiedName, idOf(entry.job));
    if (crashes < MAX_JOB_CRASHES || !failsAfterCrashes) return end;
    const reason = crashedTooOften(crashes, threadDeath.message);
    await entry.job.log(reason.detail);
    return { kind: 'fail', error: reason };
  };

  /** @throws the signal's reason if the job was cancelled; from now on a cancel is refused */
  const refuseCancels = async (entry: RunningJob): Promise<void> => {
    if (await isCancelled(endCancellableJob, entry)) entry.stop('cancelled');
    entry.signal.throwIfAborted();
  };

  const isCancelled = async (
    ask: typeof beginCancellableJob,
    { job, signal }: RunningJob,
  ): Promise<boolean> => {
    try {
      return await untilStopped(ask(redis, `${job.queueQualifiedName}:${idOf(job)}`), signal);
    } catch (error) {
      // Where Redis refuses this write it refuses a cancel too.
      if (!signal.aborted) logger.warn({ job: job.id, error: messageOf(error) }, 'Cannot look for a cancel');
      return false;
    }
  };

  const runInTurn = async (entry: RunningJob, token: string): Promise<WorkResult<T>> => {
    const { job, signal } = entry;
    const leaveGate = await gate.enter(await isSuspect(job, redis), signal);
    try {
      entry.start();
      events.started(idOf(job));
      return await work(job, token, signal);
    } finally {
      leaveGate();
    }
  };

  const giveBack = async (job: Job, token: string): Promise<never> => {
    try {
      await job.moveToWait(token);
    } catch (error) {
      logger.warn(
        { job: job.id, error: messageOf(error) },
        'Cannot give the job back; it will be found stalled',
      );
    }
    return leave(job);
  };

  const leave = (job: Job): never => {
    running.end(job, 'returned');
    return abandon();
  };

  const finish = (job: Job, outcome: 'completed' | 'failed'): void => {
    onFinal?.(job, outcome).catch((error: unknown) => {
      logger.warn({ job: job.id, error: messageOf(error) }, 'Cannot tidy up after a job');
    });
  };

  const worker = new SettlingWorker<unknown, T>(
    queue.name,
    (job, token) => workOn(job, token ?? ''),
    {
      connection: redis,
      prefix: queue.prefix,
      name: workerId,
      concurrency,
      autorun: false,
      maxStalledCount: MAX_STALLED_COUNT,
      runRetryDelay: RETRY_DELAY_MS,
      removeOnComplete: KEEP_COMPLETED,
    },
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
    // One that has attempts left is not finished.
    if (job.finishedOn !== undefined) finish(job, 'failed');
  });
  worker.on('lockRenewalFailed', (jobIds) => {
    for (const jobId of jobIds) running.byId(jobId)?.stop('lock-lost');
  });
  const warn = createRepeatedWarning((message) => logger.warn({ error: message }, 'BullMQ reports an error'));
  worker.on('error', (error) => {
    // The connection itself tells, once, when Redis goes and comes.
    if (isConnectionError(error)) return;
    warn(error.message);
    catchBreath();
  });

  // Where Redis refuses a fetch (out of memory, disk full, no rights), BullMQ asks again at once, thousands of
  // times a second.
  const catchBreath = (): void => {
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
      if (entry === null) return;
      logger.info({ job: jobId }, 'Cancelling the job on request');
      entry.stop('cancelled');
    },
    drain: async (timeoutMs) => {
      if (state.kind === 'stopped') return;
      if (state.kind === 'draining') {
        state.drain.within(timeoutMs);
        return state.drain.done;
      }
      const drain = startDrain(timeoutMs, () => worker.close(), giveBackAll);
      enter({ kind: 'draining', drain });
      await drain.done;
      enter({ kind: 'stopped' });
    },
  };
}

/** For BullMQ: the job's fate is settled, or none of our business. */
function abandon(): never {
  throw new WaitingError();
}
