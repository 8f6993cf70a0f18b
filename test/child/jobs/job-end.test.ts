import { expect, test } from 'vitest';
import { decideJobEnd } from '../../../src/child/jobs/job-end.js';
import { GalleryUnavailableError, JobError } from '../../../src/shared/errors.js';

const OWN_FAULT = new JobError('NO_FACE_DETECTED', 'No face.');
const FAULT = new Error('The device is lost.');
const FULL = new Error(
  "OOM command not allowed when used memory > 'maxmemory'. script: 6c4c, on @user_script:5.",
);
const REPLICA = new Error("READONLY You can't write against a read only replica.");
const UNAVAILABLE = new GalleryUnavailableError('It is gone.');

test.each([
  ['fails without a retry if the job is at fault', OWN_FAULT, null, true, { kind: 'fail', error: OWN_FAULT }],
  [
    'fails if the job is at fault, even if the engine died later',
    OWN_FAULT,
    null,
    false,
    { kind: 'fail', error: OWN_FAULT },
  ],
  ['is retried if the machine is at fault', FAULT, null, true, { kind: 'retry', error: FAULT }],
  [
    'is retried if the work throws a value that is not an Error',
    'text',
    null,
    true,
    { kind: 'retry', error: new Error('text') },
  ],
  ['is given back if the engine is dead', FAULT, null, false, { kind: 'give-back' }],
  ['is given back if the gallery is unavailable', UNAVAILABLE, null, true, { kind: 'give-back' }],
  ['is given back if Redis is full', FULL, null, true, { kind: 'give-back' }],
  ['is given back if Redis is a replica', REPLICA, null, true, { kind: 'give-back' }],
  ['is given back on request', FAULT, 'give-back', true, { kind: 'give-back' }],
  [
    'fails without a retry if it is cancelled',
    FAULT,
    'cancelled',
    true,
    { kind: 'fail', error: new JobError('CANCELLED', 'Cancelled on request') },
  ],
  ['is left as it is if its lock is lost', FAULT, 'lock-lost', true, { kind: 'abandon' }],
  [
    'is left as it is if its lock is lost, even if the job is at fault',
    OWN_FAULT,
    'lock-lost',
    true,
    { kind: 'abandon' },
  ],
] as const)('a job %s', (_case, error, stopped, engineAlive, expected) => {
  expect(decideJobEnd(error, stopped, engineAlive)).toEqual(expected);
});
