import type { Job } from 'bullmq';
import { createRunningJob, type JobOutcome, type RunningJob } from './running-job.js';

export interface RunningJobs {
  /** Adds a job that was just fetched. */
  begin(job: Job): void;
  /** `null` if the job has ended, or was fetched again since. */
  get(job: Job): RunningJob | null;
  byId(jobId: string): RunningJob | null;
  all(): Iterable<RunningJob>;
  count(): number;
  /** Takes the outcome of a job's work before BullMQ has recorded it. */
  worked(job: Job, outcome: JobOutcome): void;
  /** Removes a job and calls `onEnd`, once. */
  end(job: Job, outcome: JobOutcome): void;
}

/**
 * The jobs that this process has fetched and whose end is not recorded.
 *
 * This process may fetch a job again before BullMQ emits the end of its first run. The first run then ends here before
 * the second one begins, so that its end is not mistaken for the end of the second run.
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

/** The key of the job's hash. */
export function redisKeyOf(job: Job): string {
  return `${job.queueQualifiedName}:${idOf(job)}`;
}
