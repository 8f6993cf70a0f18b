import type { JobDetails, JobState, QueueKind } from '../../api/api.js';

/** The page's words for queues and for the states of jobs. */

export const JOB_STATES: readonly JobState[] = [
  'waiting',
  'active',
  'waiting_children',
  'delayed',
  'completed',
  'failed',
];

export const JOB_STATE_WORDS: Readonly<Record<JobState, string>> = {
  waiting: 'Waiting',
  active: 'Running',
  waiting_children: 'Waiting for indexing',
  delayed: 'Delayed',
  completed: 'Completed',
  failed: 'Failed',
};

/** What an empty list says. */
export const NO_JOBS_WORDS: Readonly<Record<JobState, (jobs: string) => string>> = {
  waiting: (jobs) => `No ${jobs} are waiting.`,
  active: (jobs) => `No ${jobs} are running.`,
  waiting_children: (jobs) => `No ${jobs} are waiting for indexing.`,
  delayed: (jobs) => `No ${jobs} are delayed.`,
  completed: (jobs) => `There are no completed ${jobs}.`,
  failed: (jobs) => `There are no failed ${jobs}.`,
};

export const QUEUE_WORDS: Readonly<Record<QueueKind, string>> = {
  search: 'Searches',
  index: 'Index batches',
};

export type JobAction = 'retry' | 'remove' | 'cancel';

/** Whether the selfie of a finished search has been deleted: its place in the data is then `null`. */
export function isSelfieDeleted({ data }: Pick<JobDetails, 'data'>): boolean {
  if (typeof data !== 'object' || data === null) return false;
  const { image, images } = data as { image?: unknown; images?: unknown };
  return image === null || images === null;
}

/** What a person can do with a job. BullMQ cannot remove a running job, so a running search is cancelled. */
export function jobActionsFor(
  kind: QueueKind,
  { state, data }: Pick<JobDetails, 'state' | 'data'>,
): readonly JobAction[] {
  switch (state) {
    case 'failed':
      return isSelfieDeleted({ data }) ? ['remove'] : ['retry', 'remove'];
    case 'completed':
    case 'delayed':
      return ['remove'];
    case 'waiting':
      return kind === 'search' ? ['cancel'] : ['remove'];
    case 'active':
    case 'waiting_children':
      return kind === 'search' ? ['cancel'] : [];
  }
}
