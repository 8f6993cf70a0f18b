import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { GalleryUnavailableError } from '../../../src/shared/errors.js';
import {
  createGalleryCacheHarness,
  face,
  type GalleryCacheHarness,
  search,
} from '../../support/gallery-cache-harness.js';

let galleries: GalleryCacheHarness;
beforeEach(async () => {
  galleries = await createGalleryCacheHarness();
});
afterEach(() => galleries.close());

describe('a machine without its photos', () => {
  test.each([
    ['does not exist', (dir: string) => rm(dir, { recursive: true }), (dir: string) => mkdir(dir)],
    [
      'is an empty mount point',
      (dir: string) => rm(path.join(dir, 'a'), { recursive: true }),
      () => undefined,
    ],
    [
      'is a file',
      async (dir: string) => {
        await rm(dir, { recursive: true });
        await writeFile(dir, '');
      },
      async (dir: string) => {
        await rm(dir);
        await mkdir(dir);
      },
    ],
  ])('knows it when GALLERY_DIR %s, and when it is back', async (_case, take, restore) => {
    await galleries.addPhoto('a/1.jpg', face(1));
    const cache = galleries.open();
    await take(galleries.directory);
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
    expect(await cache.check()).toContain('GALLERY_DIR');
    await restore(galleries.directory);
    await galleries.addPhoto('a/1.jpg', face(1));
    await vi.waitFor(async () => expect(await cache.check()).toBeNull());
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  });
});
