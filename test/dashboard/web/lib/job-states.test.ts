import { expect, test } from 'vitest';
import type { JobDetails, JobState } from '../../../../src/dashboard/api/api.js';
import {
  countOf,
  JOB_STATES,
  jobActionsFor,
  retryProblem,
} from '../../../../src/dashboard/web/lib/job-states.js';

const SELFIE = { image: '(image, 120 kB)' };
const job = (state: JobState, data: unknown = SELFIE, code = 'FAILED', forIndex = false) => ({
  state,
  data,
  waiting_for_index: forIndex,
  error: (state === 'failed' ? { code, message: 'It failed.' } : null) satisfies JobDetails['error'],
});

test('a failed job can be retried, a finished job removed, and a running search cancelled', () => {
  expect(jobActionsFor('search', job('failed'))).toEqual(['retry', 'remove']);
  expect(jobActionsFor('search', job('completed'))).toEqual(['remove']);
  expect(jobActionsFor('search', job('active'))).toEqual(['cancel']);
  expect(jobActionsFor('index', job('active', {}))).toEqual([]);
  expect(jobActionsFor('index', job('waiting', {}))).toEqual(['remove']);
  expect(jobActionsFor('index', job('failed', { folder: 'ball' }))).toEqual(['retry', 'remove']);
});

test('a search that waits for its index can be cancelled, a delayed one removed', () => {
  expect(jobActionsFor('search', job('delayed', SELFIE, '', true))).toEqual(['cancel']);
  expect(jobActionsFor('search', job('delayed'))).toEqual(['remove']);
});

test.each(['INVALID_JOB', 'INVALID_IMAGE', 'NO_FACE_DETECTED'])(
  'a job that failed with %s cannot be retried',
  (code) => {
    expect(jobActionsFor('search', job('failed', SELFIE, code))).toEqual(['remove']);
    expect(retryProblem(job('failed', SELFIE, code))).toContain('would fail again');
  },
);

test.each(['GALLERY_NOT_FOUND', 'CRASHED_WORKER', 'CANCELLED', 'FAILED'])(
  'a job that failed with %s can be retried',
  (code) => {
    expect(jobActionsFor('search', job('failed', SELFIE, code))).toEqual(['retry', 'remove']);
  },
);

test('searches that wait for their index are counted as waiting', () => {
  const counts = { waiting: 3, waiting_for_index: 2, active: 1, delayed: 4, completed: 5, failed: 6 };
  expect(JOB_STATES.map((state) => countOf(counts, state))).toEqual([5, 1, 4, 5, 6]);
});

test('a search cannot be retried once its selfie has been deleted', () => {
  expect(jobActionsFor('search', job('failed', { image: null, stage: 'ball' }))).toEqual(['remove']);
  expect(jobActionsFor('search', job('failed', { images: null }))).toEqual(['remove']);
});
