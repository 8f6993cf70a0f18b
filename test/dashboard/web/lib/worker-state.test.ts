import { describe, expect, it, test } from 'vitest';
import type { WorkerStatus } from '../../../../src/shared/worker-record.js';
import {
  workerActionsFor,
  type WorkerState,
  workerStateOf,
} from '../../../../src/dashboard/web/lib/worker-state.js';

describe('the state of a worker', () => {
  it.each<[WorkerStatus, string | null, WorkerState]>([
    ['online', null, 'idle'],
    ['online', '1042', 'searching'],
    ['online', 'index-Zm9v', 'indexing'],
    ['paused', null, 'paused'],
    ['paused', '1042', 'paused'],
    ['failed', null, 'failed'],
    ['offline', '1042', 'offline'],
  ])('%s with job %s is %s', (status, job, state) => {
    expect(workerStateOf({ status, current_job: job })).toBe(state);
  });
});

test('a running worker can be paused, a paused one resumed, and both restarted', () => {
  expect(workerActionsFor('searching')).toEqual(['pause', 'restart']);
  expect(workerActionsFor('paused')).toEqual(['resume', 'restart']);
});

test('a failed worker can only be restarted', () => {
  expect(workerActionsFor('failed')).toEqual(['restart']);
});

test('an offline worker takes no commands', () => {
  expect(workerActionsFor('offline')).toEqual([]);
});
