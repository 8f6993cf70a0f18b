import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GalleryCache } from '../../../src/gallery/cache/gallery-cache.js';
import type { FolderStores } from '../../../src/gallery/cache/folder-faces.js';
import { loadConfig } from '../../../src/shared/config.js';
import { type Deferred, defer } from '../../support/deferred.js';
import {
  createGalleryCacheHarness,
  face,
  type GalleryCacheHarness,
  OUTDATED_MS,
  PROBE,
  search,
  storesOf,
} from '../../support/gallery-cache-harness.js';

/** A photo with a face in a folder of its own takes a little more than three pages of memory. */
const ONE_PHOTO_BYTES = 13_000;

let galleries: GalleryCacheHarness;
beforeEach(async () => {
  galleries = await createGalleryCacheHarness();
});
afterEach(() => galleries.close());

/** @param memoryBytes of all galleries */
function openWith(memoryBytes: number, stores: FolderStores = storesOf(galleries)): GalleryCache {
  const { gallery } = loadConfig({ GALLERY_DIR: galleries.directory }, '/nowhere');
  return galleries.open({}, { stores, settings: { ...gallery, memoryBytes } });
}

/** Stores whose first answer waits. */
function pausedStores(reading: Deferred<void>, goOn: Deferred<void>): FolderStores {
  const stores = storesOf(galleries);
  return {
    ...stores,
    embeddings: {
      read: async (paths) => {
        const found = await stores.embeddings.read(paths);
        reading.resolve();
        await goOn.promise;
        return found;
      },
    },
  };
}

describe('the galleries in memory', () => {
  test('share the folders that are in several stages', async () => {
    await galleries.addPhoto('day/morning/1.jpg', face(1));
    await galleries.addPhoto('day/evening/2.jpg', face(1));
    const cache = openWith(2 * ONE_PHOTO_BYTES);
    expect(await search(cache, 'day/morning')).toEqual(['day/morning/1.jpg']);
    expect(await search(cache, 'day')).toEqual(['day/evening/2.jpg', 'day/morning/1.jpg']);
    expect(await search(cache, 'day/evening')).toEqual(['day/evening/2.jpg']);
    expect(await search(cache, 'day/morning')).toEqual(['day/morning/1.jpg']);
    expect(galleries.asked.toSorted()).toEqual(['day/evening', 'day/morning']);
  });

  test('stay there as long as they fit, however many they are', async () => {
    const stages = Array.from({ length: 40 }, (_, i) => `stage-${i}`);
    for (const stage of stages) await galleries.addPhoto(`${stage}/1.jpg`, face(1));
    const cache = galleries.open();
    for (const stage of [...stages, ...stages]) expect(await search(cache, stage)).toHaveLength(1);
    expect(galleries.asked).toEqual(stages);
  });

  test('leave in the order of their last use when memory is short', async () => {
    for (const stage of ['a', 'b', 'c']) await galleries.addPhoto(`${stage}/1.jpg`, face(1));
    const cache = openWith(2 * ONE_PHOTO_BYTES);
    for (const stage of ['a', 'b', 'a', 'c', 'a', 'b']) await search(cache, stage);
    expect(galleries.asked).toEqual(['a', 'b', 'c', 'b']);
  });

  test('of two stages that only fit one at a time are loaded once each by concurrent searches', async () => {
    for (const stage of ['a', 'b']) {
      for (const folder of ['1', '2']) await galleries.addPhoto(`${stage}/${folder}/1.jpg`, face(1));
    }
    const cache = openWith(2 * ONE_PHOTO_BYTES);
    const found = await Promise.all([search(cache, 'a'), search(cache, 'b'), search(cache, 'a')]);
    expect(found.map((paths) => paths.length)).toEqual([2, 2, 2]);
    expect(galleries.asked.length).toBeLessThanOrEqual(6);
  });

  test('are searched only when they are complete, also by a search that comes during the load', async () => {
    await galleries.addPhoto('a/1.jpg', face(1));
    const [reading, goOn] = [defer(), defer()];
    const cache = openWith(2 * ONE_PHOTO_BYTES, pausedStores(reading, goOn));
    const first = search(cache, 'a');
    await reading.promise;
    const second = search(cache, 'a');
    // It had the time to answer too early.
    await Promise.race([second, setTimeout(50)]);
    goOn.resolve();
    expect(await Promise.all([first, second])).toEqual([['a/1.jpg'], ['a/1.jpg']]);
  });

  test('are refused if they do not fit, without a load for every search', async () => {
    for (let i = 0; i < 40; i += 1) {
      await galleries.addPhoto(`a/${i}.jpg`, face(1), face(1), face(1), face(1), face(1));
    }
    await galleries.addPhoto('b/1.jpg', face(1));
    const cache = openWith(60_000);
    expect(await search(cache, 'b')).toEqual(['b/1.jpg']);
    galleries.asked = [];
    for (let i = 0; i < 3; i += 1) await expect(search(cache, 'a')).rejects.toThrow('GALLERY_TOO_LARGE');
    expect(galleries.asked).toEqual(['a']);
    galleries.nowMs += 60_001;
    for (let i = 2; i < 40; i += 1) await galleries.removePhoto(`a/${i}.jpg`);
    expect(await search(cache, 'a')).toHaveLength(2);
  });

  test('are refused before anything is loaded if even their list of photos is too long', async () => {
    for (let i = 0; i < 40; i += 1) await galleries.addPhoto(`a/${i}.jpg`);
    await expect(search(openWith(15_000), 'a')).rejects.toThrow('GALLERY_TOO_LARGE');
    expect(galleries.asked).toEqual([]);
  });
});

describe('deleted contents', () => {
  test('leave every gallery, and the other photos stay', async () => {
    for (const file of ['a/1.jpg', 'a/2.jpg', 'b/1.jpg']) await galleries.addPhoto(file, face(1));
    const cache = galleries.open();
    for (const stage of ['a', 'b']) await search(cache, stage);
    galleries.contents.delete('a/1.jpg');
    galleries.asked = [];
    cache.invalidate({ kind: 'contents', hashes: new Set(['a/1.jpg']) });
    const query = { stage: 'a', probe: PROBE, minCosine: 0, limit: 0 };
    const { matches, batches } = await cache.search(query);
    expect(matches.map((match) => match.path)).toEqual(['a/2.jpg']);
    expect(batches).toMatchObject([{ folder: 'a', files: [{ name: '1.jpg' }] }]);
    expect(await search(cache, 'b')).toEqual(['b/1.jpg']);
    expect(galleries.asked).toEqual(['a']);
  });

  test('are not in a gallery that was being loaded when they were deleted', async () => {
    await galleries.addPhoto('a/1.jpg', face(1));
    const [reading, goOn] = [defer(), defer()];
    const cache = galleries.open({}, { stores: pausedStores(reading, goOn) });
    const searching = search(cache, 'a');
    await reading.promise;
    cache.invalidate({ kind: 'contents', hashes: new Set(['a/1.jpg']) });
    goOn.resolve();
    expect(await searching).toEqual([]);
  });

  test('make everything load again if all was deleted', async () => {
    await galleries.addPhoto('a/1.jpg', face(1));
    const cache = galleries.open();
    await search(cache, 'a');
    cache.invalidate({ kind: 'all' });
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    expect(galleries.asked).toEqual(['a', 'a']);
  });
});

test('a gallery is loaded again after a day, because Redis may have dropped photos', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  const cache = galleries.open();
  await search(cache, 'a');
  galleries.contents.delete('a/1.jpg');
  galleries.nowMs += OUTDATED_MS;
  expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  galleries.nowMs += 86_400_000;
  expect(await search(cache, 'a')).toEqual([]);
});
