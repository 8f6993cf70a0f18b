import { expect, test } from 'vitest';
import { jobActionsFor } from '../../../../src/dashboard/web/lib/job-states.js';

test('a failed job can be retried, a finished job removed, and a running search cancelled', () => {
  expect(jobActionsFor('search', 'failed')).toEqual(['retry', 'remove']);
  expect(jobActionsFor('search', 'completed')).toEqual(['remove']);
  expect(jobActionsFor('search', 'active')).toEqual(['cancel']);
  expect(jobActionsFor('index', 'active')).toEqual([]);
  expect(jobActionsFor('index', 'waiting')).toEqual(['remove']);
});
