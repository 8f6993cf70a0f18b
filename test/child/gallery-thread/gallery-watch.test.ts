import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  type GalleryProblem,
  type GalleryWatch,
  watchGallery,
} from '../../../src/child/gallery-thread/gallery-watch.js';
import { defer } from '../../support/deferred.js';
import { GalleryUnavailableError } from '../../../src/shared/errors.js';

let changes: (GalleryProblem | null)[];
let watch: GalleryWatch | null;
beforeEach(() => {
  vi.useFakeTimers();
  changes = [];
  watch = null;
});
afterEach(() => {
  watch?.stop();
  vi.useRealTimers();
});

async function start(check: () => Promise<string | null>): Promise<GalleryWatch> {
  watch = await watchGallery({
    check,
    hungAfterMs: 15_000,
    intervalMs: 3000,
    onChange: (problem) => changes.push(problem),
  });
  return watch;
}

test('a problem is known before the first job, and reported once', async () => {
  const { problem } = await start(async () => 'It is gone');
  expect(problem()).toEqual({ reason: 'It is gone', hung: false });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(changes).toEqual([{ reason: 'It is gone', hung: false }]);
});

test('a problem ends with the first check that finds none', async () => {
  let reason: string | null = 'It is gone';
  const { problem } = await start(async () => reason);
  reason = null;
  await vi.advanceTimersByTimeAsync(3000);
  expect(problem()).toBeNull();
  expect(changes.at(-1)).toBeNull();
});

test('a job that meets a problem stops the next ones until the next check', async () => {
  const { problem, report } = await start(async () => null);
  report('It is gone');
  expect(problem()?.reason).toBe('It is gone');
  await vi.advanceTimersByTimeAsync(3000);
  expect(problem()).toBeNull();
});

test('a gallery that hangs fails the calls in flight, gets no second check, and continues when it answers', async () => {
  const answer = defer();
  const check = vi.fn(async () => null as string | null);
  const { problem, unlessHung } = await start(check);
  check.mockImplementation(async () => {
    await answer.promise;
    return null;
  });
  const call = expect(unlessHung(new Promise(() => {}))).rejects.toThrow(GalleryUnavailableError);
  await vi.advanceTimersByTimeAsync(120_000);
  await call;
  expect(problem()).toEqual({ reason: expect.stringContaining('15 s'), hung: true });
  expect(check).toHaveBeenCalledTimes(2);
  answer.resolve();
  await vi.advanceTimersByTimeAsync(0);
  expect(problem()).toBeNull();
});

test('a gallery that hangs from the start does not block the start of the worker', async () => {
  const starting = start(() => new Promise(() => {}));
  await vi.advanceTimersByTimeAsync(15_000);
  expect((await starting).problem()?.hung).toBe(true);
});
