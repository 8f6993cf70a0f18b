import { type Job, UnrecoverableError, WaitingError } from 'bullmq';
import type { Redis } from 'ioredis';
import { clearMarks, endCancellableJob, type FetchedMarks } from '../../shared/cancel-job.js';
import { messageOf } from '../../shared/errors.js';
import { countJobCrash, crashedTooOften, MAX_JOB_CRASHES } from '../../shared/job-crashes.js';
import type { Logger } from '../../shared/logger.js';
import { isCrashSuspect } from './crash-suspect.js';
import type { Gate } from './gate.js';
import { decideJobEnd, type JobEnd } from './job-end.js';
import { type RunningJob, untilStopped } from './running-job.js';
import { idOf, type RunningJobs } from './running-jobs.js';

export type WorkResult<T> =
  | { readonly kind: 'done'; readonly value: T }
  /** The work moved the job to another state, for example `delayed`. The job no longer belongs to this worker. */
  | { readonly kind: 'moved' };

export interface JobRunnerDeps<T> {
  /** @throws {JobError} the job itself is at fault */
  readonly work: (job: Job, token: string, signal: AbortSignal) => Promise<WorkResult<T>>;
  /** Resolves when a thread that the work needs dies for the first time. */
  readonly threadDied: Promise<Error>;
  /** Whether a job fails as `CRASHED_WORKER` after it has crashed too many threads and children. */
  readonly failsAfterCrashes: boolean;
  /** Progress of a job that is done; `null` for jobs without progress. */
  readonly finalPercent: number | null;
  /** All workers of the child share this gate, so that a crash suspect runs alone in the child. */
  readonly gate: Gate;
  readonly redis: Redis;
  readonly running: RunningJobs;
  /** Of a job as it was fetched. */
  readonly marksOf: (job: Job) => FetchedMarks;
  /** A job that arrives while this is false goes back to the queue. */
  readonly isTaking: () => boolean;
  readonly onStarted: (jobId: string) => void;
  readonly logger: Logger;
}

/** Returns BullMQ's processor: it runs one job and decides how the job ends. */
export function createJobRunner<T>({
  work,
  threadDied,
  failsAfterCrashes,
  finalPercent,
  gate,
  redis,
  running,
  marksOf,
  isTaking,
  onStarted,
  logger,
}: JobRunnerDeps<T>): (job: Job, token: string) => Promise<T> {
  let threadDeath: Error | null = null;
  void threadDied.then((error) => {
    threadDeath = error;
  });

  const run = async (job: Job, token: string): Promise<T> => {
    const entry = running.get(job);
    if (entry === null) return skipRecording();
    // A fetch that started before the worker became quiet can still bring a job.
    if (!isTaking()) return giveBack(job, token);
    let result: WorkResult<T>;
    try {
      await begin(entry);
      result = await workInTurn(entry, token);
      if (result.kind === 'done') await refuseCancels(entry, finalPercent);
    } catch (error) {
      return handleFailure(entry, token, error);
    }
    if (result.kind === 'moved') return release(job);
    running.worked(job, 'completed');
    return result.value;
  };

  const handleFailure = async (entry: RunningJob, token: string, error: unknown): Promise<never> => {
    const { job } = entry;
    // When an engine dies, its images fail first. Its death is known one turn of the event loop later.
    await new Promise(setImmediate);
    const end = await decideEnd(entry, error);
    switch (end.kind) {
      case 'fail':
        logger.info({ job: job.id, code: end.error.code, detail: end.error.detail }, 'The job is at fault');
        running.worked(job, 'failed');
        throw new UnrecoverableError(end.error.message);
      case 'retry':
        logger.error({ job: job.id, error: end.error.stack }, 'The job failed, but is not at fault');
        running.worked(job, 'failed');
        throw end.error;
      case 'give-back':
        return giveBack(job, token);
      case 'abandon':
        return skipRecording();
    }
  };

  const decideEnd = async (entry: RunningJob, error: unknown): Promise<JobEnd> => {
    const end = decideJobEnd(error, entry.stopped(), threadDeath === null);
    if (end.kind === 'retry') {
      // Without this check, a cancel that has not reached this worker yet would be lost with the attempt.
      await refuseCancels(entry, null).catch(() => undefined);
      if (entry.stopped() !== null) return decideJobEnd(error, entry.stopped(), threadDeath === null);
    }
    if (end.kind !== 'give-back' || threadDeath === null || !entry.started()) return end;
    const crashes = await countJobCrash(redis, entry.job.queueQualifiedName, idOf(entry.job));
    if (crashes < MAX_JOB_CRASHES || !failsAfterCrashes) return end;
    const reason = crashedTooOften(crashes, threadDeath.message);
    await entry.job.log(reason.detail);
    return { kind: 'fail', error: reason };
  };

  const begin = async (entry: RunningJob): Promise<void> => {
    const { isCancelled, isMarked } = marksOf(entry.job);
    if (isCancelled) entry.stop('cancelled');
    else if (isMarked) await write(entry, clearMarks(redis, redisKeyOf(entry.job)));
  };

  /** From now on, Redis refuses to cancel the job. @throws the signal's reason if the job is already cancelled */
  const refuseCancels = async (entry: RunningJob, percent: number | null): Promise<void> => {
    const { queueQualifiedName } = entry.job;
    const asked = endCancellableJob(redis, queueQualifiedName, idOf(entry.job), percent);
    if ((await write(entry, asked)) === true) entry.stop('cancelled');
    entry.signal.throwIfAborted();
  };

  const write = async <R>({ job, signal }: RunningJob, written: Promise<R>): Promise<R | null> => {
    try {
      return await untilStopped(written, signal);
    } catch (error) {
      // If Redis refuses this write, it refuses a cancel too, so the job cannot be cancelled.
      if (!signal.aborted) {
        logger.warn({ job: job.id, error: messageOf(error) }, 'Cannot check whether the job is cancelled');
      }
      return null;
    }
  };

  const workInTurn = async (entry: RunningJob, token: string): Promise<WorkResult<T>> => {
    const { job, signal } = entry;
    const leaveGate = await gate.enter(await isCrashSuspect(job, redis), signal);
    try {
      entry.start();
      onStarted(idOf(job));
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
        'Cannot give the job back; the stall check will return it',
      );
    }
    return release(job);
  };

  const release = (job: Job): never => {
    running.end(job, 'returned');
    return skipRecording();
  };

  return run;
}

function redisKeyOf(job: Job): string {
  return `${job.queueQualifiedName}:${idOf(job)}`;
}

/** BullMQ records no end for a job whose processor throws this error. */
function skipRecording(): never {
  throw new WaitingError();
}
