import { afterEach, beforeEach, expect, test } from 'vitest';
import { JobError } from '../../../src/shared/errors.js';
import {
  broken,
  createGalleryCacheHarness,
  face,
  type GalleryCacheHarness,
  OUTDATED_MS,
  PROBE,
  search,
} from '../../support/gallery-cache-harness.js';

let galleries: GalleryCacheHarness;
beforeEach(async () => {
  galleries = await createGalleryCacheHarness();
});
afterEach(() => galleries.close());

test('a gallery has all photos below its folder, each with the box of its best face', async () => {
  await galleries.addPhoto('a/1.jpg', face(0.3), face(0.8, 120));
  await galleries.addPhoto('a/b/2.jpg', face(0.6));
  await galleries.addPhoto('a/3.jpg', face(0.4));
  await galleries.addPhoto('c/4.jpg', face(1));
  const { matches, photos, faces } = await galleries.open().search({
    stage: 'a',
    probe: PROBE,
    minCosine: 0.5,
    limit: 0,
  });
  expect({ photos, faces }).toEqual({ photos: 3, faces: 4 });
  expect(matches).toEqual([
    {
      path: 'a/1.jpg',
      widthPx: 1000,
      heightPx: 800,
      box: { x: 0, y: 0, width: 120, height: 120 },
      cosine: expect.closeTo(0.8, 3),
    },
    expect.objectContaining({ path: 'a/b/2.jpg', cosine: expect.closeTo(0.6, 3) }),
  ]);
});

test('a gallery is the same gallery with a slash at its end', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  const cache = galleries.open();
  expect(await search(cache, 'a/')).toEqual(['a/1.jpg']);
  expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  expect(galleries.asked).toEqual(['a']);
});

test('a search returns the best matches up to the limit', async () => {
  for (const cosine of [0.6, 0.9, 0.7, 0.8]) {
    await galleries.addPhoto(`a/${cosine}.jpg`, face(cosine), face(0.55));
  }
  const query = { stage: 'a', probe: PROBE, minCosine: 0.5, limit: 2 };
  const { matches } = await galleries.open().search(query);
  expect(matches.map((match) => match.path)).toEqual(['a/0.9.jpg', 'a/0.8.jpg']);
});

test('a gallery lists the photos that are not indexed yet, and loads them as soon as they are', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  await galleries.addPhoto('a/2.jpg', face(1));
  galleries.contents.delete('a/2.jpg');
  const cache = galleries.open();
  const query = { stage: 'a', probe: PROBE, minCosine: 0.5, limit: 0 };
  const { batches, matches } = await cache.search(query);
  expect(batches).toMatchObject([{ folder: 'a', files: [{ name: '2.jpg' }] }]);
  expect(matches).toHaveLength(1);
  galleries.contents.set('a/2.jpg', { kind: 'faces', widthPx: 10, heightPx: 10, faces: [face(1)] });
  expect(await search(cache, 'a')).toEqual(['a/1.jpg', 'a/2.jpg']);
});

test('a gallery reads only changed photos again', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  const cache = galleries.open();
  expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  galleries.nowMs += OUTDATED_MS;
  expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  await galleries.addPhoto('a/2.jpg', face(1));
  galleries.nowMs += OUTDATED_MS;
  expect(await search(cache, 'a')).toEqual(['a/1.jpg', 'a/2.jpg']);
  await galleries.removePhoto('a/1.jpg');
  galleries.nowMs += OUTDATED_MS;
  expect(await search(cache, 'a')).toEqual(['a/2.jpg']);
  expect(galleries.asked).toEqual(['a', 'a']);
});

test('concurrent searches of a new gallery load it once', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  const cache = galleries.open();
  const found = await Promise.all(Array.from({ length: 5 }, () => search(cache, 'a')));
  expect(found).toEqual(Array.from({ length: 5 }, () => ['a/1.jpg']));
  expect(galleries.asked).toEqual(['a']);
});

test('a gallery is not found while its folder is missing, and found once the folder exists', async () => {
  await galleries.addPhoto('b/1.jpg', face(1));
  const cache = galleries.open();
  await expect(search(cache, 'a')).rejects.toSatisfy(
    (error) => error instanceof JobError && error.code === 'GALLERY_NOT_FOUND',
  );
  await galleries.addPhoto('a/1.jpg', face(1));
  expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
});

test('a gallery leaves out and counts faces that are too small, turned away or blurred', async () => {
  await galleries.addPhoto('a/small.jpg', face(1, 29));
  await galleries.addPhoto('a/turned.jpg', face(1, 100, 0.95));
  await galleries.addPhoto('a/blurred.jpg', { ...face(1), sharpness: 40 });
  await galleries.addPhoto('a/good.jpg', face(1), face(1, 10));
  const cache = galleries.open({ MIN_FACE_PX: '30', MAX_YAW_DEG: '45', MIN_SHARPNESS: '50' });
  expect(await search(cache, 'a')).toEqual(['a/good.jpg']);
  expect(await cache.scan('a')).toMatchObject({ photos: 4, faces: 1, belowQuality: 4 });
});

test('a gallery names the photos that are broken', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  await galleries.addPhoto('a/2.jpg');
  galleries.contents.set('a/2.jpg', broken);
  expect((await galleries.open().scan('a')).skipped).toEqual(['Skipped photo a/2.jpg: It is cut off.']);
});

test('a photo that failed is skipped with its reason, and is not a photo to index', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  galleries.contents.delete('a/1.jpg');
  galleries.bad.set('a/1.jpg', {
    path: 'a/1.jpg',
    sizeBytes: 0,
    changedMs: 0,
    reason: 'The device is lost.',
    failures: 3,
    lastFailedMs: 0,
    retryAtMs: 0,
  });
  const { skipped, batches } = await galleries.open().scan('a');
  expect(batches).toEqual([]);
  expect(skipped).toEqual([
    expect.stringContaining('Skipped photo a/1.jpg: indexing it failed 3 times (The device is lost.)'),
  ]);
});

test('vanished files are removed from the file table', async () => {
  for (const file of ['a/1.jpg', 'a/2.jpg', 'a/b/3.jpg']) await galleries.addPhoto(file, face(1));
  const cache = galleries.open();
  await search(cache, 'a');
  await galleries.removePhoto('a/1.jpg');
  galleries.nowMs += OUTDATED_MS;
  await search(cache, 'a');
  expect(galleries.removed).toEqual(['a/1.jpg']);
});

test('files that vanished before the gallery was loaded are removed from the file table, too', async () => {
  await galleries.addPhoto('a/1.jpg', face(1));
  galleries.unlisted.push('a/gone.jpg', 'a/late.jpg');
  const cache = galleries.open();
  await search(cache, 'a');
  expect(galleries.removed).toEqual([]);
  // Another worker indexed a photo before this one saw it in its folder.
  await galleries.addPhoto('a/late.jpg', face(1));
  galleries.nowMs += OUTDATED_MS;
  await search(cache, 'a');
  expect(galleries.removed).toEqual(['a/gone.jpg']);
});
