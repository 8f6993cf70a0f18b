import { expect, test } from 'vitest';
import { createBoundedSource } from '../../../src/gallery/source/bounded-source.js';
import type { PhotoSource } from '../../../src/gallery/source/photo-source.js';
import { GalleryUnavailableError } from '../../../src/shared/errors.js';
import { defer } from '../../support/deferred.js';

const TIMEOUT_MS = { read: 20, list: 20 };

/** A source whose file system hangs until `goOn` resolves. */
function hangingSource(goOn: Promise<void>) {
  const calls: string[] = [];
  const hang = async <T>(name: string, value: T): Promise<T> => {
    calls.push(name);
    await goOn;
    return value;
  };
  const source: PhotoSource = {
    listingIntervalMs: 1000,
    check: () => hang('check', null),
    list: () => hang('list', []),
    countByFolder: () => hang('count', new Map()),
    read: (id) => hang(id, Buffer.from(id)),
  };
  return { calls, bounded: createBoundedSource(source, TIMEOUT_MS) };
}

test('all calls of a source that hangs fail in time, and few reach it', async () => {
  const { calls, bounded } = hangingSource(new Promise(() => {}));
  const reads = Array.from({ length: 20 }, (_, i) => bounded.read(`${i}.jpg`, 100));
  for (const read of await Promise.allSettled(reads)) {
    expect(read).toMatchObject({ status: 'rejected', reason: expect.any(GalleryUnavailableError) });
  }
  await expect(bounded.list('Day-1', () => {})).rejects.toBeInstanceOf(GalleryUnavailableError);
  await expect(bounded.countByFolder(() => {})).rejects.toBeInstanceOf(GalleryUnavailableError);
  expect(calls).toEqual(['0.jpg', '1.jpg']);
});

test('a listing, which blocks its thread, does not begin while the check hangs', async () => {
  const { calls, bounded } = hangingSource(new Promise(() => {}));
  await expect(bounded.list('Day-1', () => {})).rejects.toThrow('GALLERY_DIR does not answer');
  expect(calls).toEqual(['check']);
});

test('the source is used again once its late call has ended', async () => {
  const goOn = defer();
  const { bounded } = hangingSource(goOn.promise);
  await expect(bounded.read('1.jpg', 100)).rejects.toBeInstanceOf(GalleryUnavailableError);
  goOn.resolve();
  await new Promise(setImmediate);
  expect(String(await bounded.read('2.jpg', 100))).toBe('2.jpg');
  expect(await bounded.list('Day-1', () => {})).toEqual([]);
});
