import type { WorkerView } from '../../api/api.js';
import type { WorkerStatus } from '../../../shared/worker-record.js';
import { kindOfJob } from './route.js';

/**
 * What a worker does, in one word: its card shows it and the fleet's summary counts it, so that the two always agree.
 * `online` is split up by what the worker runs; every other status of a record is a state of its own.
 */
export type WorkerState = Exclude<WorkerStatus, 'online'> | 'searching' | 'indexing' | 'idle';

export const WORKER_STATE_WORDS: Readonly<Record<WorkerState, string>> = {
  failed: 'Failed',
  lost: 'Lost',
  stalled: 'Stalled',
  restarting: 'Restarting',
  searching: 'Searching',
  indexing: 'Indexing',
  idle: 'Idle',
  paused: 'Paused',
  starting: 'Starting',
  draining: 'Draining',
  offline: 'Offline',
};

/** The states that need a person come first. */
export const WORKER_STATES = Object.keys(WORKER_STATE_WORDS) as readonly WorkerState[];

export function workerStateOf({
  status,
  current_job: job,
}: Pick<WorkerView, 'status' | 'current_job'>): WorkerState {
  if (status !== 'online') return status;
  if (job === null) return 'idle';
  return kindOfJob(job) === 'index' ? 'indexing' : 'searching';
}

export type WorkerAction = 'pause' | 'resume' | 'restart';

/** The commands that a worker in this state carries out. */
export function workerActionsFor(state: WorkerState): readonly WorkerAction[] {
  switch (state) {
    case 'paused':
      return ['resume', 'restart'];
    case 'failed':
    case 'stalled':
    case 'lost':
      return ['restart'];
    // Its supervisor does not run, so nothing receives the command.
    case 'offline':
      return [];
    case 'searching':
    case 'indexing':
    case 'idle':
    case 'starting':
    case 'draining':
    case 'restarting':
      return ['pause', 'restart'];
  }
}
