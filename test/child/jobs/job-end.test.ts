import { expect, test } from 'vitest';
import { decideJobEnd } from '../../../src/child/jobs/job-end.js';
import { GalleryUnavailableError, JobError } from '../../../src/shared/errors.js';

const OWN_FAULT = new JobError('NO_FACE_DETECTED', 'No face.');
const FAULT = new Error('The device is lost.');
const UNAVAILABLE = new GalleryUnavailableError('It is gone.');

test.each([
  ['its own fault fails it for good', OWN_FAULT, null, true, { kind: 'fail', error: OWN_FAULT }],
  [
    'its own fault, found before the engine died, fails it',
    OWN_FAULT,
    null,
    false,
    { kind: 'fail', error: OWN_FAULT },
  ],
  ['a fault of the machine is tried again', FAULT, null, true, { kind: 'retry', error: FAULT }],
  [
    'what is thrown without being an error is tried again',
    'text',
    null,
    true,
    { kind: 'retry', error: new Error('text') },
  ],
  ['with a dead engine it is given back', FAULT, null, false, { kind: 'give-back' }],
  ['with an unavailable gallery it is given back', UNAVAILABLE, null, true, { kind: 'give-back' }],
  ['told to be given back it is', FAULT, 'give-back', true, { kind: 'give-back' }],
  [
    'cancelled it fails for good',
    FAULT,
    'cancelled',
    true,
    { kind: 'fail', error: new JobError('CANCELLED', 'Cancelled on request') },
  ],
  ['without its lock it is left alone', FAULT, 'lock-lost', true, { kind: 'abandon' }],
  [
    'without its lock it is left alone, even where it is at fault',
    OWN_FAULT,
    'lock-lost',
    true,
    { kind: 'abandon' },
  ],
] as const)('a job: %s', (_case, error, stopped, engineAlive, expected) => {
  expect(decideJobEnd(error, stopped, engineAlive)).toEqual(expected);
});
