import { expect, test } from 'vitest';
import type { JobState } from '../../../../src/dashboard/api/api.js';
import { jobActionsFor } from '../../../../src/dashboard/web/lib/job-states.js';

const job = (state: JobState, data: unknown = { image: '(image, 120 kB)' }) => ({ state, data });

test('a failed job can be retried, a finished job removed, and a running search cancelled', () => {
  expect(jobActionsFor('search', job('failed'))).toEqual(['retry', 'remove']);
  expect(jobActionsFor('search', job('completed'))).toEqual(['remove']);
  expect(jobActionsFor('search', job('active'))).toEqual(['cancel']);
  expect(jobActionsFor('index', job('active', {}))).toEqual([]);
  expect(jobActionsFor('index', job('waiting', {}))).toEqual(['remove']);
  expect(jobActionsFor('index', job('failed', { folder: 'ball' }))).toEqual(['retry', 'remove']);
});

test('a search cannot be retried once its selfie has been deleted', () => {
  expect(jobActionsFor('search', job('failed', { image: null, stage: 'ball' }))).toEqual(['remove']);
  expect(jobActionsFor('search', job('failed', { images: null }))).toEqual(['remove']);
});
