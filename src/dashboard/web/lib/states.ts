import type { Activity, JobState, JobSummary, QueueKind } from '../../api/api.js';
import type { WorkerStatus } from '../../../shared/worker-record.js';

/** The words of the page for the states of workers and jobs. */

export const ACTIVITY_WORDS: Readonly<Record<Activity, string>> = {
  busy: 'Busy',
  idle: 'Idle',
  waiting: 'Waiting',
  trouble: 'In trouble',
  away: 'Away',
};

/** Those that want a person first. */
export const ACTIVITIES: readonly Activity[] = ['trouble', 'busy', 'idle', 'waiting', 'away'];

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
  waiting_children: 'Being indexed',
  delayed: 'Delayed',
  completed: 'Completed',
  failed: 'Failed',
};

/** What is said where no job is in a state. */
export const NONE_WORDS: Readonly<Record<JobState, (jobs: string) => string>> = {
  waiting: (jobs) => `No ${jobs} are waiting.`,
  active: (jobs) => `No ${jobs} are running.`,
  waiting_children: (jobs) => `No ${jobs} wait for photos to be indexed.`,
  delayed: (jobs) => `No ${jobs} are delayed.`,
  completed: (jobs) => `No completed ${jobs} are kept.`,
  failed: (jobs) => `No failed ${jobs} are kept.`,
};

export const QUEUE_WORDS: Readonly<Record<QueueKind, string>> = {
  search: 'Searches',
  index: 'Index batches',
};

export type WorkerAction = 'pause' | 'resume' | 'restart';

/** What can be ordered of a worker: a machine that is away hears nothing. */
export function actionsFor(status: WorkerStatus, activity: Activity): readonly WorkerAction[] {
  if (activity === 'away') return [];
  switch (status) {
    case 'paused':
      return ['resume', 'restart'];
    case 'failed':
    case 'stalled':
    case 'lost':
      return ['restart'];
    case 'offline':
      return [];
    case 'starting':
    case 'online':
    case 'stalled':
    case 'draining':
    case 'restarting':
      return ['pause', 'restart'];
  }
}

export type JobAction = 'retry' | 'remove' | 'cancel';

/** What can be done with a job; what runs is cancelled, what does not run is removed. */
export function jobActionsFor(kind: QueueKind, state: JobSummary['state']): readonly JobAction[] {
  switch (state) {
    case 'failed':
      return ['retry', 'remove'];
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
