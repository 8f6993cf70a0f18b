import type { Job } from 'bullmq';
import type { StopCause } from './job-end.js';

export type JobOutcome = 'completed' | 'failed' | 'returned';

/** A job that this process has fetched and whose end is not recorded yet. */
export interface RunningJob {
  readonly job: Job;
  /** Aborts when the job is stopped. */
  readonly signal: AbortSignal;
  stopped(): StopCause | null;
  /** Whether the work has started. */
  started(): boolean;
  start(): void;
  /** Only the first cause counts. */
  stop(cause: StopCause): void;
}

export function createRunningJob(job: Job): RunningJob {
  const controller = new AbortController();
  let stopped: StopCause | null = null;
  let started = false;
  return {
    job,
    signal: controller.signal,
    stopped: () => stopped,
    started: () => started,
    start: () => {
      started = true;
    },
    stop: (cause) => {
      if (stopped !== null) return;
      stopped = cause;
      controller.abort(new Error(`The job was stopped: ${cause}`));
    },
  };
}

/** Settles like `work`, but rejects as soon as `signal` aborts, so that stuck work blocks nothing. */
export function untilStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
