import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createRepeatedWarning } from '../../../src/child/jobs/repeated-warning.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('passes the same message on once a minute, and a different one at once', () => {
  const logged: string[] = [];
  const warn = createRepeatedWarning((message) => logged.push(message));
  for (let n = 0; n < 1000; n += 1) {
    warn('a');
    vi.advanceTimersByTime(10);
  }
  warn('b');
  expect(logged).toEqual(['a', 'b']);
  vi.advanceTimersByTime(60_000);
  warn('a');
  expect(logged).toEqual(['a', 'b', 'a']);
});
