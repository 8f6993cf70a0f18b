import { describe, expect, it } from 'vitest';
import { activityOf } from '../../../src/dashboard/fleet/activity.js';
import type { WorkerRecord } from '../../../src/shared/worker-record.js';
import { workerRecord } from '../../support/worker-record.js';

const crashed = { at: 1, code: 1, signal: null, planned: false, error: 'Out of luck' };

describe('what a worker is at', () => {
  it.each<[string, Partial<WorkerRecord>]>([
    ['busy', { status: 'online', current_job: '7' }],
    ['idle', { status: 'online' }],
    ['idle', { status: 'online', last_exit: crashed }],
    ['waiting', { status: 'paused' }],
    ['waiting', { status: 'paused', current_job: '7' }],
    ['waiting', { status: 'starting' }],
    ['waiting', { status: 'draining' }],
    ['waiting', { status: 'restarting', last_exit: { ...crashed, planned: true } }],
    ['trouble', { status: 'restarting', last_exit: crashed }],
    ['trouble', { status: 'failed' }],
    ['trouble', { status: 'lost' }],
    ['away', { status: 'offline' }],
  ])('is %s with %j', (activity, changes) => {
    const record = workerRecord(changes);
    expect(activityOf({ record, status: record.status, ageS: 1 })).toBe(activity);
  });
});
