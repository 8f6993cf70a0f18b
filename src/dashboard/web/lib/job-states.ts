import type { JobDetails, JobState, JobSummary, QueueCounts, QueueKind } from '../../api/api.js';

/** The page's words for queues and for the states of jobs. */

export const JOB_STATES: readonly JobState[] = ['waiting', 'active', 'delayed', 'completed', 'failed'];

export const JOB_STATE_WORDS: Readonly<Record<JobState, string>> = {
  waiting: 'Waiting',
  active: 'Running',
  delayed: 'Delayed',
  completed: 'Completed',
  failed: 'Failed',
};

/** How many jobs are in a state. A search that waits for its index is a waiting one, here and in the lists. */
export function countOf(counts: QueueCounts, state: JobState): number {
  return state === 'waiting' ? counts.waiting + counts.waiting_for_index : counts[state];
}

export function jobStateWords({
  state,
  waiting_for_index: forIndex,
}: Pick<JobSummary, 'state' | 'waiting_for_index'>): string {
  return forIndex ? 'Waiting for its index' : JOB_STATE_WORDS[state];
}

/** What an empty list says. */
export const NO_JOBS_WORDS: Readonly<Record<JobState, (jobs: string) => string>> = {
  waiting: (jobs) => `No ${jobs} are waiting.`,
  active: (jobs) => `No ${jobs} are running.`,
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
function isSelfieDeleted({ data }: Pick<JobDetails, 'data'>): boolean {
  if (typeof data !== 'object' || data === null) return false;
  const { image, images } = data as { image?: unknown; images?: unknown };
  return image === null || images === null;
}

/** The same selfie would fail again: the fault is in the selfie or in the job itself. */
const LASTING_FAULTS: ReadonlySet<string> = new Set(['INVALID_JOB', 'INVALID_IMAGE', 'NO_FACE_DETECTED']);

/** Why a failed job cannot be retried, for a person; `null` if it can. */
export function retryProblem({ data, error }: Pick<JobDetails, 'data' | 'error'>): string | null {
  if (isSelfieDeleted({ data })) return 'The selfie has been deleted, so this search cannot be retried.';
  return LASTING_FAULTS.has(error?.code ?? '')
    ? 'The same job would fail again, so it cannot be retried.'
    : null;
}

/** What a person can do with a job. BullMQ cannot remove a running job, so a running search is cancelled. */
export function jobActionsFor(
  kind: QueueKind,
  {
    state,
    waiting_for_index: forIndex,
    data,
    error,
  }: Pick<JobDetails, 'state' | 'waiting_for_index' | 'data' | 'error'>,
): readonly JobAction[] {
  switch (state) {
    case 'failed':
      return retryProblem({ data, error }) === null ? ['retry', 'remove'] : ['remove'];
    case 'completed':
      return ['remove'];
    case 'delayed':
      return forIndex ? ['cancel'] : ['remove'];
    case 'waiting':
      return kind === 'search' ? ['cancel'] : ['remove'];
    case 'active':
      return kind === 'search' ? ['cancel'] : [];
  }
}
