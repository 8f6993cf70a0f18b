import { type Job, UnrecoverableError, WaitingError, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import type { SearchMatch } from '../shared/job.js';
import type { Logger } from '../shared/logger.js';
import { isConnectionError } from '../shared/redis-connection.js';
import { type Drain, startDrain } from './drain.js';
import type { Engine } from './inference/engine.js';
import { decideJobEnd } from './job-end.js';
import { createRepeatedWarning } from './repeated-warning.js';
import type { JobOutcome } from './running-job.js';
import { createRunningJobs, idOf } from './running-jobs.js';
import { createTurnstile, isSuspect } from './turnstile.js';
import { workOnJob } from './work-on-job.js';

/** How long a fetch that failed is not tried again. BullMQ's own 15 s would leave a worker idle. */
const RETRY_DELAY_MS = 500;
/** The supervisor gives back the jobs of a dead child at once and counts its crashes; this is the net below it. */
const MAX_STALLED_COUNT = 3;

interface JobEvents {
  started(jobId: string): void;
  progress(jobId: string, percent: number): void;
  ended(jobId: string, outcome: JobOutcome): void;
}

export interface JobWorkerDeps {
  readonly config: Pick<Config, 'queue' | 'jobs'>;
  readonly workerId: string;
  readonly engine: Engine;
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
  /** Ends a job as `CANCELLED` where it runs here. */
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

/** A worker of the queue. It is quiet at first. */
export function createJobWorker({
  config,
  workerId,
  engine,
  redis,
  events,
  logger,
}: JobWorkerDeps): JobWorker {
  const concurrency = config.jobs.concurrency ?? concurrencyFor(engine);
  let state: WorkerState = { kind: 'quiet' };
  let engineAlive = true;
  const noteEngineDeath = async (): Promise<void> => {
    await engine.died;
    engineAlive = false;
  };
  void noteEngineDeath();

  const enter = (next: WorkerState): void => {
    logger.info({ from: state.kind, to: next.kind, activeJobs: running.count() }, 'Job worker state');
    state = next;
  };

  const turnstile = createTurnstile();
  const running = createRunningJobs({
    onBegin: (jobId) => {
      logger.info({ job: jobId }, 'Job fetched');
    },
    onEnd: (jobId, outcome) => {
      logger.info({ job: jobId, outcome }, 'Job ended');
      events.ended(jobId, outcome);
    },
  });

  const work = async (job: Job, token: string): Promise<SearchMatch[]> => {
    const entry = running.get(job);
    if (entry === null) return abandon();
    // A fetch that was under way when the worker became quiet still brings its job.
    if (state.kind !== 'taking') return giveBack(job, token);
    try {
      const matches = await runInTurn(job, entry.signal);
      running.worked(job, 'completed');
      return matches;
    } catch (error) {
      // An engine that dies fails its pictures first and says so then.
      await new Promise(setImmediate);
      const end = decideJobEnd(error, entry.stopped(), engineAlive);
      switch (end.kind) {
        case 'fail':
          running.worked(job, 'failed');
          throw new UnrecoverableError(end.reason);
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
  };

  const runInTurn = async (job: Job, signal: AbortSignal): Promise<SearchMatch[]> => {
    const leave = await turnstile.enter(isSuspect(job), signal);
    try {
      events.started(idOf(job));
      return await workOnJob(job, signal, {
        engine,
        settings: config.jobs,
        onProgress: (percent) => events.progress(idOf(job), percent),
        logger,
      });
    } finally {
      leave();
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
    running.end(job, 'returned');
    return abandon();
  };

  const worker = new Worker<unknown, SearchMatch[]>(
    config.queue.name,
    (job, token) => work(job, token ?? ''),
    {
      connection: redis,
      prefix: config.queue.prefix,
      name: workerId,
      concurrency,
      autorun: false,
      maxStalledCount: MAX_STALLED_COUNT,
      runRetryDelay: RETRY_DELAY_MS,
    },
  );
  worker.on('active', (job) => running.begin(job));
  worker.on('completed', (job) => running.end(job, 'completed'));
  worker.on('failed', (job, error) => {
    if (job === undefined) return;
    logger.info({ job: job.id, reason: error.message }, 'Job failed');
    running.end(job, 'failed');
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
    setTimeout(() => state.kind === 'taking' && void worker.resume(), RETRY_DELAY_MS);
  };

  const giveBackAll = (): void => {
    for (const entry of running.all()) {
      logger.warn({ job: entry.job.id }, 'Time is up: giving the job back');
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
      void worker.resume();
    },
    quiet: () => {
      if (state.kind !== 'taking') return;
      enter({ kind: 'quiet' });
      void worker.pause(true);
    },
    cancel: (jobId) => running.byId(jobId)?.stop('cancelled'),
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

/**
 * One job's gallery keeps the engine busy. A second one fills the gaps (its selfie is one picture, its fetch
 * and its result are waits for Redis), and a small job does not wait for a large one. More would only be taken
 * from idle machines.
 */
function concurrencyFor(engine: Engine): number {
  return engine.capacity > 1 ? 2 : 1;
}
