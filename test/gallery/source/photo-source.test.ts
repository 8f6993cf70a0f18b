import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPhotoSource, type PhotoSource } from '../../../src/gallery/source/photo-source.js';
import { GalleryUnavailableError, ImageError, JobError } from '../../../src/shared/errors.js';
import { NO_S3, startS3Server } from '../../support/s3-server.js';

/** A place for photos, empty at first. */
interface Place {
  open(): PhotoSource;
  put(id: string, content?: string): Promise<void>;
  remove(id: string): Promise<void>;
  /** Makes the place itself disappear, as an unmounted folder. */
  takeAway(): Promise<void>;
  close(): Promise<void>;
}

async function openFolder(): Promise<Place> {
  const directory = await mkdtemp(path.join(tmpdir(), 'source-'));
  return {
    open: () => openPhotoSource(directory, NO_S3),
    put: async (id, content = 'x') => {
      await mkdir(path.dirname(path.join(directory, id)), { recursive: true });
      await writeFile(path.join(directory, id), content);
    },
    remove: (id) => rm(path.join(directory, id)),
    takeAway: () => rm(directory, { recursive: true }),
    close: () => rm(directory, { recursive: true, force: true }),
  };
}

async function openBucket(prefix: string): Promise<Place> {
  const server = await startS3Server();
  const start = prefix === '' ? '' : `${prefix}/`;
  // Another gallery of the same bucket, which must not be seen.
  if (prefix !== '') await server.put(`${prefix}-other/Day-1/other.jpg`, 'x');
  return {
    open: () => openPhotoSource(`s3://photos/${prefix}`, server.config),
    put: (id, content = 'x') => server.put(`${start}${id}`, content),
    remove: (id) => server.remove(`${start}${id}`),
    takeAway: () => server.removeBucket(),
    close: () => server.stop(),
  };
}

describe.each([
  ['a folder', openFolder],
  ['a bucket', () => openBucket('')],
  ['a prefix of a bucket', () => openBucket('events/2026')],
])('%s as the source of photos', (_name, openPlace) => {
  let place: Place;
  let source: PhotoSource;
  let notes: string[];
  beforeEach(async () => {
    place = await openPlace();
    source = place.open();
    notes = [];
    for (const id of ['Day-1/Morning/b.jpg', 'Day-1/Morning/a.JPG', 'Day-1/c.png', 'Day-10/d.jpg']) {
      await place.put(id);
    }
  });
  afterEach(() => place.close());

  const listed = (stage: string) => source.list(stage, (line) => notes.push(line));
  const idsOf = async (stage: string) =>
    (await listed(stage)).flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));

  test('lists the photos of all folders below a stage, in a stable order', async () => {
    expect(await idsOf('Day-1')).toEqual(['Day-1/c.png', 'Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning')).toEqual(['Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning//')).toHaveLength(2);
  });

  test('lists sizes, and a stamp that changes with the content', async () => {
    await place.put('s/x.jpg', 'twelve bytes');
    const before = await listed('s');
    expect(before).toMatchObject([{ folder: 's', files: [{ name: 'x.jpg', sizeBytes: 12 }] }]);
    expect(await listed('s')).toEqual(before);
    await place.put('s/x.jpg', 'other bytes.');
    expect(await listed('s')).not.toEqual(before);
  });

  test('lists only photos: no other files, nothing hidden', async () => {
    for (const ending of ['jpg', 'jpeg', 'jpe', 'jfif', 'png', 'webp', 'avif', 'heic', 'gif', 'TIFF']) {
      await place.put(`s/x.${ending}`);
    }
    for (const name of ['y.txt', 'y.mp4', 'y.jpg.part', 'y.svg', '.hidden.jpg', '.cache/z.jpg']) {
      await place.put(`s/${name}`);
    }
    expect(await idsOf('s')).toHaveLength(10);
    expect(notes).toEqual([]);
  });

  test('leaves out folders of thumbnails, unread formats and unusable names, and counts each', async () => {
    for (const name of ['@eaDir', '#recycle', '$RECYCLE.BIN']) await place.put(`s/${name}/x.jpg`);
    for (const name of ['b.JXL', 'b.cr2', 'back\\slash.jpg', 'line\nbreak.jpg', 'a.jpg']) {
      await place.put(`s/${name}`);
    }
    expect(await idsOf('s')).toEqual(['s/a.jpg']);
    expect(notes).toEqual([
      'Left out 2 photos in formats that are not read, such as BMP, JPEG XL or raw',
      'Left out 2 names with backslashes, control characters or bytes that are not UTF-8',
      'Left out 3 folders of thumbnails, deleted files or system files',
    ]);
  });

  test('keeps names with any other characters', async () => {
    const ids = ['Täg 1/a%2e%2e.jpg', 'Täg 1/a+b&c=d#e?\'".jpg', 'Täg 1/ünï…cödé ..x.jpg'];
    for (const id of ids) await place.put(id, id);
    expect((await idsOf('Täg 1')).toSorted()).toEqual(ids.toSorted());
    for (const id of ids) expect((await source.read(id, 100))?.toString()).toBe(id);
  });

  test('shows new photos and drops deleted ones at the next listing', async () => {
    await idsOf('Day-1/Morning');
    await place.put('Day-1/Morning/new.jpg');
    await place.remove('Day-1/Morning/b.jpg');
    expect(await idsOf('Day-1/Morning')).toEqual(['Day-1/Morning/a.JPG', 'Day-1/Morning/new.jpg']);
  });

  test.each(['nowhere', 'Day', 'Day-1/c.png', 'Day-1/Mor', '..', '.', '/', '', 'Day-1//Morning', 'Day-1\0'])(
    'has no stage %j',
    async (stage) => {
      const error: unknown = await listed(stage).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(JobError);
      expect(error).toMatchObject({ code: 'GALLERY_NOT_FOUND' });
    },
  );

  test('refuses a stage of a million slashes at once', async () => {
    await expect(listed(`${'/'.repeat(1_500_000)}x`)).rejects.toMatchObject({ code: 'GALLERY_NOT_FOUND' });
    expect(await idsOf(`Day-1/Morning${'/'.repeat(1_500_000)}`)).toHaveLength(2);
  });

  test('counts the photos of each folder', async () => {
    await place.put('root.jpg');
    await place.put('Day-1/.hidden/x.jpg');
    expect(Object.fromEntries(await source.countByFolder(() => {}))).toEqual({
      '': 1,
      'Day-1': 1,
      'Day-1/Morning': 2,
      'Day-10': 1,
    });
  });

  test('reads a photo, and knows that one is missing', async () => {
    await place.put('Day-1/x.jpg', 'content');
    expect((await source.read('Day-1/x.jpg', 7))?.toString()).toBe('content');
    for (const id of [
      'Day-1/nowhere.jpg',
      'Day-1',
      'Day-1/',
      '',
      '..',
      'Day-1/../Day-1/x.jpg',
      '/Day-1/x.jpg',
    ]) {
      expect(await source.read(id, 7), id).toBeNull();
    }
  });

  test('refuses an empty photo and one that is too large', async () => {
    await place.put('Day-1/x.jpg', 'content');
    await place.put('Day-1/empty.jpg', '');
    await expect(source.read('Day-1/x.jpg', 6)).rejects.toThrow(
      'The image has 7 bytes; at most 6 are allowed.',
    );
    await expect(source.read('Day-1/empty.jpg', 6)).rejects.toThrow('The image is empty.');
    await expect(source.read('Day-1/empty.jpg', 6)).rejects.toBeInstanceOf(ImageError);
  });

  test('says why it cannot be read, and blames no photo and no job', async () => {
    expect(await source.check()).toBeNull();
    await place.takeAway();
    source = place.open();
    expect(await source.check()).toMatch(/^GALLERY_DIR /);
    await expect(listed('Day-1')).rejects.toBeInstanceOf(GalleryUnavailableError);
    await expect(source.countByFolder(() => {})).rejects.toBeInstanceOf(GalleryUnavailableError);
    await expect(source.read('Day-1/c.png', 100)).rejects.toBeInstanceOf(GalleryUnavailableError);
  });
});
