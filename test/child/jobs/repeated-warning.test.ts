import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRepeatedWarning } from '../../../src/child/jobs/repeated-warning.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the same message is passed on once a minute, another one at once', () => {
  const told: string[] = [];
  const warn = createRepeatedWarning((message) => told.push(message));
  for (let n = 0; n < 1000; n += 1) {
    warn('a');
    vi.advanceTimersByTime(10);
  }
  warn('b');
  expect(told).toEqual(['a', 'b']);
  vi.advanceTimersByTime(60_000);
  warn('a');
  expect(told).toEqual(['a', 'b', 'a']);
});
