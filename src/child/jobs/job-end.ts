import { GalleryUnavailableError, JobError } from '../../shared/errors.js';
import { refusesWrites } from '../../shared/redis-refusals.js';

/**
 * Why a running job is stopped.
 *
 * `give-back`: the job returns to the queue for another worker and keeps all its attempts. `lock-lost`: another worker
 * may already run the job, so this one must not write to it any more.
 */
export type StopCause = 'cancelled' | 'give-back' | 'lock-lost';

/** What to do with a job whose work failed. */
export type JobEnd =
  /** Fail the job, even if attempts are left. */
  | { readonly kind: 'fail'; readonly error: JobError }
  /** Fail this attempt. BullMQ retries the job if attempts are left. */
  | { readonly kind: 'retry'; readonly error: Error }
  | { readonly kind: 'give-back' }
  /** Leave the job as it is in Redis. */
  | { readonly kind: 'abandon' };

/**
 * @param error what the work threw
 * @param stopped why the job was stopped; `null` if it was not
 * @param engineAlive whether this child can still run jobs
 */
export function decideJobEnd(error: unknown, stopped: StopCause | null, engineAlive: boolean): JobEnd {
  switch (stopped) {
    case 'cancelled':
      return { kind: 'fail', error: new JobError('CANCELLED', 'Cancelled on request') };
    case 'give-back':
      return { kind: 'give-back' };
    case 'lock-lost':
      return { kind: 'abandon' };
    case null:
      break;
  }
  // The job itself is at fault, so it would fail on every worker.
  if (error instanceof JobError) return { kind: 'fail', error };
  const comesBack = error instanceof GalleryUnavailableError || refusesWrites(error);
  if (!engineAlive || comesBack) return { kind: 'give-back' };
  return { kind: 'retry', error: error instanceof Error ? error : new Error(String(error)) };
}
