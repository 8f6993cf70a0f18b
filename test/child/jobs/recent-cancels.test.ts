import { expect, it } from 'vitest';
import { createRecentCancels } from '../../../src/child/jobs/recent-cancels.js';

let nowMs = 0;
const cancels = createRecentCancels(() => nowMs);

it('remembers a cancelled job until it is taken, once', () => {
  cancels.add('1');
  expect(cancels.take('2')).toBe(false);
  expect(cancels.take('1')).toBe(true);
  expect(cancels.take('1')).toBe(false);
});

it('forgets it after five seconds, as the next job of this id is another one', () => {
  cancels.add('1');
  cancels.add('2');
  nowMs += 4999;
  cancels.add('2');
  nowMs += 1;
  expect(cancels.take('1')).toBe(false);
  expect(cancels.take('2')).toBe(true);
});
