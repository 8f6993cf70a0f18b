import { describe, expect, test } from 'vitest';
import { openListedPhotos } from '../../../src/child/search/listed-photos.js';
import type { PhotoSource } from '../../../src/gallery/source/photo-source.js';
import { ImageError, JobError } from '../../../src/shared/errors.js';
import type { GalleryEntry } from '../../../src/shared/job.js';

const photos: PhotoSource = {
  listingIntervalMs: 1000,
  check: async () => null,
  list: async () => [],
  countByFolder: async () => new Map(),
  read: async (id, maxBytes) => (id === 'Day-1/c.png' ? Buffer.from(`${id} ${maxBytes}`) : null),
};
const options = { photos, maxGalleryImages: 3, maxImageBytes: 1000 };
const open = (entries: GalleryEntry[]) => openListedPhotos(entries, options);
const openNowhere = (entries: GalleryEntry[]) => openListedPhotos(entries, { ...options, photos: null });

const codeOf = (run: () => unknown): string | null => {
  try {
    run();
    return null;
  } catch (error) {
    return (error as JobError).code;
  }
};

describe('the photos that a job lists', () => {
  test('keep their order, inline photos and those of the gallery', async () => {
    const listed = open([
      { id: 'x', image: 'AAAA' },
      { id: 'y', path: 'Day-1/c.png' },
    ]);
    expect(listed.map(({ id }) => id)).toEqual(['x', 'y']);
    expect(await listed[0]?.source()).toEqual({ kind: 'base64', text: 'AAAA' });
    expect(await listed[1]?.source()).toEqual({ kind: 'bytes', bytes: Buffer.from('Day-1/c.png 1000') });
  });

  test('have a limited number of inline photos', () => {
    const entries = Array.from({ length: 4 }, (_, n) => ({ id: String(n), image: 'AAAA' }));
    expect(codeOf(() => open(entries))).toBe('INVALID_JOB');
    expect(open(entries.slice(1))).toHaveLength(3);
    expect(open(entries.map(({ id }) => ({ id, path: id })))).toHaveLength(4);
  });

  test('are broken if the gallery has no such photo', async () => {
    const missing = open([{ id: 'x', path: '../x.jpg' }])[0]?.source();
    await expect(missing).rejects.toThrow('It is not a file below the gallery folder.');
    await expect(missing).rejects.toBeInstanceOf(ImageError);
  });

  test('are not found on a machine without a gallery, unless all are inline', () => {
    expect(codeOf(() => openNowhere([{ id: 'x', path: 'x.jpg' }]))).toBe('GALLERY_NOT_FOUND');
    expect(openNowhere([{ id: 'x', image: 'AAAA' }])).toHaveLength(1);
    expect(openNowhere([])).toEqual([]);
  });
});
