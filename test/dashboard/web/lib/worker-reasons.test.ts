import { expect, test } from 'vitest';
import { viewWorker } from '../../../../src/dashboard/fleet/activity.js';
import { reasonsOf } from '../../../../src/dashboard/web/lib/worker-reasons.js';
import type { WorkerRecord } from '../../../../src/shared/worker-record.js';
import { workerRecord } from '../../../support/worker-record.js';

const reasons = (changes: Partial<WorkerRecord>, ageS = 1) => {
  const record = workerRecord(changes);
  return reasonsOf(viewWorker({ record, status: record.status, ageS }));
};
const crash = { at: 0, code: null, signal: 'SIGSEGV', planned: false, error: null };

test.each<[Partial<WorkerRecord>, string[]]>([
  [{}, []],
  [{ status: 'stalled', status_reason: 'GALLERY_DIR is empty' }, ['GALLERY_DIR is empty']],
  [{ status: 'restarting', last_exit: crash }, ['Its process ended: killed by SIGSEGV.']],
  [{ status: 'restarting', last_exit: { ...crash, planned: true } }, []],
  [{ gpu_throttle_reasons: ['power cap'] }, ['Throttled: power cap']],
  [{ gpu_ecc_uncorrected: 2 }, ['2 uncorrected ECC errors']],
  [{ gpu_xid: 79 }, ['The kernel log has Xid 79 of this GPU.']],
  [{ provider: 'cpu' }, ['Computes on the CPU instead of the GPU.']],
])('a worker with %j has the reasons %j', (changes, expected) => {
  expect(reasons(changes)).toEqual(expected);
});

test('an offline worker says for how long, and not what it said before', () => {
  const changes = {
    status: 'offline',
    status_reason: 'Old news',
    gpu_throttle_reasons: ['power cap'],
  } as const;
  expect(reasons(changes, 7500)).toEqual([
    'No heartbeat for 2 h 5 min: its machine or its supervisor does not run.',
  ]);
});
