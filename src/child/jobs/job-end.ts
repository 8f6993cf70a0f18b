import { GalleryUnavailableError, JobError } from '../../shared/errors.js';

/**
 * Why a running job is stopped from outside.
 *
 * `give-back`: another worker shall have it, and none of its attempts is used up. `lock-lost`: another worker
 * may have it already, so that nothing more may be written in its name.
 */
export type StopCause = 'cancelled' | 'give-back' | 'lock-lost';

/** What is to be done with a job whose work has failed. */
export type JobEnd =
  /** It fails for good, whatever attempts are left. */
  | { readonly kind: 'fail'; readonly error: JobError }
  /** It fails, and is tried again where attempts are left. */
  | { readonly kind: 'retry'; readonly error: Error }
  | { readonly kind: 'give-back' }
  /** It is left as it is. */
  | { readonly kind: 'abandon' };

/**
 * @param error what the work threw
 * @param stopped why it was stopped from outside, `null` where it was not
 * @param engineAlive whether this machine can still do what is asked of it
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
  // The job's own fault: no other worker would see it differently.
  if (error instanceof JobError) return { kind: 'fail', error };
  if (!engineAlive || error instanceof GalleryUnavailableError) return { kind: 'give-back' };
  return { kind: 'retry', error: error instanceof Error ? error : new Error(String(error)) };
}
