import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { isConnectionError } from '../../shared/redis-connection.js';
import { type Drain, startDrain } from './drain.js';
import { decideJobEnd } from './job-end.js';
import { createRecentCancels } from './recent-cancels.js';
import { createRepeatedWarning } from './repeated-warning.js';
import type { JobOutcome } from './running-job.js';
import { createRunningJobs, idOf } from './running-jobs.js';
import { isSuspect, type Gate } from './gate.js';

/** How long a fetch that failed is not tried again. BullMQ's own 15 s would leave a worker idle. */
const RETRY_DELAY_MS = 500;
/** The supervisor gives back the jobs of a dead child at once and counts its crashes; this is the net below it. */
const MAX_STALLED_COUNT = 3;

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
  readonly onFinal?: (job: Job) => Promise<void>;
  /** Of the engine that the work needs. */
  readonly engineDied: Promise<unknown>;
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
  /** Ends a job as `CANCELLED` where it runs here, or is just about to. */
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
  engineDied,
  gate,
  redis,
  events,
  logger,
}: JobWorkerDeps<T>): JobWorker {
  let state: WorkerState = { kind: 'quiet' };
  let engineAlive = true;
  const cancels = createRecentCancels();
  void engineDied.then(() => {
    engineAlive = false;
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
      result = await runInTurn(job, token, entry.signal);
    } catch (error) {
      // An engine that dies fails its pictures first and says so then.
      await new Promise(setImmediate);
      const end = decideJobEnd(error, entry.stopped(), engineAlive);
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
    }
    if (result.kind === 'moved') return leave(job);
    running.worked(job, 'completed');
    return result.value;
  };

  const runInTurn = async (job: Job, token: string, signal: AbortSignal): Promise<WorkResult<T>> => {
    const leaveGate = await gate.enter(await isSuspect(job, redis), signal);
    try {
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

  const finish = (job: Job): void => {
    onFinal?.(job).catch((error: unknown) => {
      logger.warn({ job: job.id, error: messageOf(error) }, 'Cannot tidy up after a job');
    });
  };

  const worker = new Worker<unknown, T>(queue.name, (job, token) => workOn(job, token ?? ''), {
    connection: redis,
    prefix: queue.prefix,
    name: workerId,
    concurrency,
    autorun: false,
    maxStalledCount: MAX_STALLED_COUNT,
    runRetryDelay: RETRY_DELAY_MS,
  });
  worker.on('active', (job) => {
    running.begin(job);
    if (cancels.take(idOf(job))) stopCancelled(idOf(job));
  });
  worker.on('completed', (job) => {
    running.end(job, 'completed');
    finish(job);
  });
  worker.on('failed', (job, error) => {
    if (job === undefined) return;
    logger.info({ job: job.id, reason: error.message }, 'Job failed');
    running.end(job, 'failed');
    // One that has attempts left is not finished.
    if (job.finishedOn !== undefined) finish(job);
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
  // BullMQ has no event for a job whose end it could not record; it only is done with it.
  const processJob = worker.processJob.bind(worker);
  worker.processJob = (job, token, fetchNext) =>
    processJob(job, token, fetchNext).finally(() => running.end(job, 'returned'));

  // Where Redis refuses a fetch (out of memory, disk full, no rights), BullMQ asks again at once, thousands of
  // times a second.
  const catchBreath = (): void => {
    if (state.kind !== 'taking' || worker.isPaused()) return;
    void worker.pause(true);
    setTimeout(() => state.kind === 'taking' && worker.resume(), RETRY_DELAY_MS);
  };

  const stopCancelled = (jobId: string): void => {
    logger.info({ job: jobId }, 'Cancelling the job on request');
    running.byId(jobId)?.stop('cancelled');
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
      if (running.byId(jobId) === null) cancels.add(jobId);
      else stopCancelled(jobId);
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
