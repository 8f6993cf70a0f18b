import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GalleryUnavailableError } from '../../../src/shared/errors.js';
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

const like = (cosine: number) => Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2));

describe('excluded people', () => {
  test('are in no result, get no result, and their photos are in no gallery', async () => {
    await galleries.addPhoto('a/1.jpg', face(0.55));
    await galleries.addPhoto('a/2.jpg', face(0.9));
    await galleries.addPhoto('a/out/3.jpg', face(0.55));
    const cache = galleries.open({ EXCLUDED_STAGE: 'a/out/' });
    expect(await search(cache, 'a')).toEqual(['a/2.jpg']);
    const query = { stage: 'a', probe: like(0.55), minCosine: -1, limit: 0 };
    expect((await cache.search(query)).matches).toEqual([]);
  });

  test('are unknown while EXCLUDED_STAGE is missing, so no search is answered', async () => {
    await galleries.addPhoto('a/1.jpg', face(1));
    const cache = galleries.open({ EXCLUDED_STAGE: 'staf' });
    await cache.check();
    await vi.waitFor(async () => {
      expect(await cache.check()).toBe('EXCLUDED_STAGE "staf" is not a folder below GALLERY_DIR');
    });
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
  });
});

describe('a photo of an excluded person', () => {
  beforeEach(() => galleries.addPhoto('a/1.jpg', face(0.55)));

  test('excludes also with a face below the quality limits', async () => {
    await galleries.addPhoto('staff/small.jpg', { ...face(0.55, 10, 0.95), sharpness: 1 });
    const limits = { MIN_FACE_PX: '30', MAX_YAW_DEG: '45', MIN_SHARPNESS: '50' };
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff', ...limits });
    expect(await search(cache, 'a')).toEqual([]);
  });

  test.each([
    ['is broken', 'staff/2.jpg: It is cut off.', () => galleries.contents.set('staff/2.jpg', broken)],
    ['shows no face', 'staff/2.jpg: no face was found', () => undefined],
    [
      'fails in the workers',
      'staff/2.jpg: The device is lost.',
      () => {
        galleries.contents.delete('staff/2.jpg');
        const times = { changedMs: 0, lastFailedMs: 0, retryAtMs: 1 };
        const entry = { path: 'staff/2.jpg', sizeBytes: 0, reason: 'The device is lost.', failures: 1 };
        galleries.bad.set('staff/2.jpg', { ...entry, ...times });
      },
    ],
  ])('that %s stops all searches until it is replaced', async (_case, line, spoil) => {
    await galleries.addPhoto('staff/1.jpg', face(0.9));
    await galleries.addPhoto('staff/2.jpg');
    spoil();
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff' });
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
    await expect(cache.findExcluded([PROBE])).rejects.toThrow(line);
    expect(await cache.check()).toContain(line);
    await galleries.removePhoto('staff/2.jpg');
    galleries.nowMs += OUTDATED_MS;
    await vi.waitFor(async () => expect(await cache.check()).toBeNull());
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  });

  test('in a format that is not read stops all searches', async () => {
    await galleries.addPhoto('staff/1.jpg', face(0.9));
    await galleries.addPhoto('staff/2.bmp');
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff' });
    await expect(search(cache, 'a')).rejects.toThrow('Left out 1 photos in formats that are not read');
    await expect(cache.findExcluded([PROBE])).rejects.toThrow(GalleryUnavailableError);
  });

  test('that is unusable is ignored with a warning if the setting allows it', async () => {
    await galleries.addPhoto('staff/1.jpg');
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff', EXCLUDED_UNUSABLE: 'ignore' });
    for (let i = 0; i < 3; i += 1) expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    expect(galleries.warnings).toEqual([expect.stringContaining('staff/1.jpg: no face was found')]);
    expect(await cache.check()).toBeNull();
  });

  test('that is not indexed yet holds back every match', async () => {
    await galleries.addPhoto('staff/1.jpg', face(0.9));
    galleries.contents.delete('staff/1.jpg');
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff' });
    const query = { stage: 'a', probe: PROBE, minCosine: 0, limit: 0 };
    const { matches, batches } = await cache.search(query);
    expect(matches).toEqual([]);
    expect(batches).toMatchObject([{ folder: 'staff' }]);
    expect((await cache.findExcluded([PROBE])).batches).toHaveLength(1);
  });

  test('excludes photos that a job lists, too', async () => {
    await galleries.addPhoto('staff/1.jpg', face(0.5));
    const cache = galleries.open({ EXCLUDED_STAGE: 'staff' });
    const found = await cache.findExcluded([PROBE, like(0.55)]);
    expect(found).toEqual({ excluded: [false, true], batches: [] });
  });
});
