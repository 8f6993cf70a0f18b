import { expect, test } from 'vitest';
import { NO_SEARCHES } from '../../src/shared/durations.js';
import { readWorkerRecord } from '../../src/shared/read-worker-record.js';
import { workerRecord } from '../support/worker-record.js';

test('a record is read as it was written', () => {
  const record = workerRecord({
    provider_refusals: [{ provider: 'tensorrt', reason: 'not installed' }],
    last_exit: { at: 1, code: null, signal: 'SIGKILL', planned: false, error: 'gone' },
    last_roll: { at: 2, outcome: 'refused', replaced: 0, reason: 'busy' },
  });
  expect(readWorkerRecord(record.id, JSON.stringify(record))).toEqual(record);
});

test.each(['', '{', 'null', '5', '"text"', '[1]'])('%j is no record', (text) => {
  expect(readWorkerRecord('host_gpu0', text)).toBeNull();
});

test('fields of the wrong type or of another program become their defaults', () => {
  const record = readWorkerRecord(
    'python_0',
    JSON.stringify({
      id: 5,
      hostname: ['host'],
      status: 'working',
      last_heartbeat: 'now',
      durations: { wait: 1 },
      current_job: { id: 1 },
      status_reason: 'x'.repeat(100_000),
      provider_refusals: 'none',
    }),
  );
  expect(record).toMatchObject({
    id: 'python_0',
    hostname: 'unknown',
    status: 'online',
    last_heartbeat: 0,
    durations: NO_SEARCHES,
    current_job: null,
    provider_refusals: [],
    jobs_processed: 0,
  });
  expect(record?.status_reason).toHaveLength(2000);
});

test('a worker that cannot take jobs stays stalled', () => {
  expect(readWorkerRecord('host_gpu0', JSON.stringify(workerRecord({ status: 'stalled' })))?.status).toBe(
    'stalled',
  );
});
