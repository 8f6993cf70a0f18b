import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createJobProgress } from '../../../src/child/jobs/job-progress.js';
import { defer } from '../../support/deferred.js';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function setUp(write?: (percent: number) => Promise<void>) {
  const written: number[] = [];
  const errors: unknown[] = [];
  const progress = createJobProgress({
    intervalMs: 100,
    write: async (percent) => {
      written.push(percent);
      await write?.(percent);
    },
    onError: (error) => errors.push(error),
  });
  return { progress, written, errors };
}

describe('createJobProgress', () => {
  test('writes whole percents from 0 to 100 that never fall', async () => {
    const { progress, written } = setUp();
    for (const percent of [-5, 3.9, 3.2, 2, 50.5, 40, 101]) {
      progress.report(percent);
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(written).toEqual([0, 3, 50, 100]);
  });

  test('writes the newest value once in an interval, first after one', async () => {
    const { progress, written } = setUp();
    for (let percent = 1; percent <= 30; percent += 1) progress.report(percent);
    await vi.advanceTimersByTimeAsync(99);
    expect(written).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(written).toEqual([30]);
    progress.report(31);
    await vi.advanceTimersByTimeAsync(99);
    progress.report(32);
    expect(written).toEqual([30]);
    await vi.advanceTimersByTimeAsync(1);
    expect(written).toEqual([30, 32]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual([30, 32]);
  });

  test('writes a value at once if none was written in the last interval', async () => {
    const { progress, written } = setUp();
    await vi.advanceTimersByTimeAsync(100);
    progress.report(5);
    expect(written).toEqual([5]);
  });

  test('has at most one write in flight', async () => {
    const slow = defer();
    const { progress, written } = setUp(() => slow.promise);
    await vi.advanceTimersByTimeAsync(100);
    progress.report(1);
    progress.report(2);
    await vi.advanceTimersByTimeAsync(1000);
    progress.report(3);
    expect(written).toEqual([1]);
    slow.resolve();
    await vi.advanceTimersByTimeAsync(0);
    expect(written).toEqual([1, 3]);
  });

  test('writes the last value without waiting for the interval when it settles', async () => {
    const { progress, written } = setUp();
    progress.report(1);
    progress.report(100);
    await progress.settle();
    expect(written).toEqual([100]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual([100]);
  });

  test('writes nothing after it is stopped', async () => {
    const { progress, written } = setUp();
    await vi.advanceTimersByTimeAsync(100);
    progress.report(1);
    progress.report(2);
    progress.stop();
    progress.report(3);
    await progress.settle();
    await vi.advanceTimersByTimeAsync(1000);
    expect(written).toEqual([1]);
  });

  test('settles if there is nothing to write', async () => {
    const { progress, written } = setUp();
    await progress.settle();
    expect(written).toEqual([]);
  });

  test('reports a failed write and tries the next one', async () => {
    const failure = new Error('Redis is full');
    const { progress, written, errors } = setUp((percent) =>
      percent === 1 ? Promise.reject(failure) : Promise.resolve(),
    );
    await vi.advanceTimersByTimeAsync(100);
    progress.report(1);
    progress.report(2);
    await vi.advanceTimersByTimeAsync(100);
    expect(written).toEqual([1, 2]);
    expect(errors).toEqual([failure]);
  });
});
