import type { Job } from 'bullmq';
import { createRunningJob, type JobOutcome, type RunningJob } from './running-job.js';

export interface RunningJobs {
  /** Enters a job that was fetched. */
  begin(job: Job): void;
  /** `null` where the job has ended, or was fetched anew since. */
  get(job: Job): RunningJob | null;
  byId(jobId: string): RunningJob | null;
  all(): Iterable<RunningJob>;
  count(): number;
  /** What has become of a job's work; its end is to be recorded yet. */
  worked(job: Job, outcome: JobOutcome): void;
  /** Strikes a job out and tells of it, once. */
  end(job: Job, outcome: JobOutcome): void;
}

/**
 * The jobs that this process has fetched and whose end is not recorded.
 *
 * A job that failed or was given back may be fetched again before BullMQ tells of its end: then the end is
 * told first, so that nobody takes it for the end of the second run.
 */
export function createRunningJobs(events: {
  readonly onBegin: (jobId: string) => void;
  readonly onEnd: (jobId: string, outcome: JobOutcome) => void;
}): RunningJobs {
  const running = new Map<string, RunningJob & { outcome: JobOutcome }>();

  const get = (job: Job) => {
    const entry = running.get(idOf(job));
    return entry?.job === job ? entry : null;
  };

  const end = (job: Job, outcome: JobOutcome): void => {
    if (get(job) === null) return;
    running.delete(idOf(job));
    events.onEnd(idOf(job), outcome);
  };

  return {
    begin: (job) => {
      const earlier = running.get(idOf(job));
      if (earlier !== undefined) {
        earlier.stop('lock-lost');
        end(earlier.job, earlier.outcome);
      }
      running.set(idOf(job), { ...createRunningJob(job), outcome: 'returned' });
      events.onBegin(idOf(job));
    },
    get,
    byId: (jobId) => running.get(jobId) ?? null,
    all: () => running.values(),
    count: () => running.size,
    worked: (job, outcome) => {
      const entry = get(job);
      if (entry !== null) entry.outcome = outcome;
    },
    end,
  };
}

/** Every job that was fetched has an id. */
export function idOf(job: Job): string {
  if (job.id === undefined) throw new Error('Cannot work on a job without an id');
  return job.id;
}
