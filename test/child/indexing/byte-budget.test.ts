import { expect, test } from 'vitest';
import { createByteBudget } from '../../../src/child/indexing/byte-budget.js';
import { defer } from '../../support/deferred.js';

const never = new AbortController().signal;

test('work waits until its bytes fit, in the order of arrival', async () => {
  const budget = createByteBudget(100);
  const started: string[] = [];
  const [first, second] = [defer(), defer()];
  const run = (name: string, bytes: number, until: Promise<void>) =>
    budget.use(bytes, never, async () => {
      started.push(name);
      await until;
    });
  const all = [
    run('a', 60, first.promise),
    run('b', 40, second.promise),
    run('c', 60, Promise.resolve()),
    run('d', 1, Promise.resolve()),
  ];
  await new Promise(setImmediate);
  expect(started).toEqual(['a', 'b']);
  first.resolve();
  await Promise.all([all[0], all[2], all[3]]);
  expect(started).toEqual(['a', 'b', 'c', 'd']);
  second.resolve();
  await Promise.all(all);
});

test('work with more bytes than the budget runs alone', async () => {
  const budget = createByteBudget(100);
  expect(await budget.use(1000, never, async () => 'done')).toBe('done');
});

test('work that is stopped while it waits does not run, and the next one does', async () => {
  const budget = createByteBudget(100);
  const [running, stop] = [defer(), new AbortController()];
  const first = budget.use(90, never, () => running.promise);
  const stopped = budget.use(90, stop.signal, async () => 'ran');
  const last = budget.use(10, never, async () => 'ran');
  stop.abort(new Error('Stopped'));
  await expect(stopped).rejects.toThrow('Stopped');
  expect(await last).toBe('ran');
  running.resolve();
  await first;
});

test('work that fails frees its bytes', async () => {
  const budget = createByteBudget(100);
  await expect(budget.use(100, never, () => Promise.reject(new Error('Failed')))).rejects.toThrow('Failed');
  expect(await budget.use(100, never, async () => 'ran')).toBe('ran');
});
