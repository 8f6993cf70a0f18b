import { describe, expect, test } from 'vitest';
import { forEachConcurrently } from '../../../src/child/jobs/for-each-concurrently.js';
import { defer } from '../../support/deferred.js';

describe('forEachConcurrently', () => {
  test('works on every item once, a limited number of them at a time', async () => {
    const items = Array.from({ length: 20 }, (_, n) => n);
    const done: number[] = [];
    let running = 0;
    let most = 0;
    await forEachConcurrently(items, 4, async (item) => {
      running += 1;
      most = Math.max(most, running);
      await new Promise(setImmediate);
      running -= 1;
      done.push(item);
    });
    expect(done.toSorted((a, b) => a - b)).toEqual(items);
    expect(most).toBe(4);
  });

  test('settles for no items', async () => {
    await forEachConcurrently([], 4, () => Promise.reject(new Error('never')));
  });

  test('after a failure it starts nothing, and throws once the running ones have settled', async () => {
    const slow = defer();
    const started: string[] = [];
    const failure = new Error('no');
    let settled = false;
    const all = forEachConcurrently(['fails', 'slow', 'never', 'never'], 2, async (item) => {
      started.push(item);
      if (item === 'fails') throw failure;
      await slow.promise;
    }).finally(() => {
      settled = true;
    });
    await new Promise(setImmediate);
    expect(settled).toBe(false);
    slow.resolve();
    await expect(all).rejects.toBe(failure);
    expect(started).toEqual(['fails', 'slow']);
  });
});
