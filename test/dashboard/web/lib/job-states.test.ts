import { expect, test } from 'vitest';
import { actionsFor, jobActionsFor } from '../../../../src/dashboard/web/lib/job-states.js';

test('a worker that runs can be paused, a paused one resumed, and both restarted', () => {
  expect(actionsFor('online', 'busy')).toEqual(['pause', 'restart']);
  expect(actionsFor('paused', 'waiting')).toEqual(['resume', 'restart']);
});

test('a worker that has failed can only be restarted', () => {
  expect(actionsFor('failed', 'trouble')).toEqual(['restart']);
});

test('nothing is ordered of a machine that does not hear', () => {
  expect(actionsFor('online', 'away')).toEqual([]);
});

test('what has failed can be retried, what has ended removed, a search that goes on cancelled', () => {
  expect(jobActionsFor('search', 'failed')).toEqual(['retry', 'remove']);
  expect(jobActionsFor('search', 'completed')).toEqual(['remove']);
  expect(jobActionsFor('search', 'active')).toEqual(['cancel']);
  expect(jobActionsFor('index', 'active')).toEqual([]);
  expect(jobActionsFor('index', 'waiting')).toEqual(['remove']);
});
