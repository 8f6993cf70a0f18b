/* oxlint-disable max-lines -- one harness for the cache, its exclusion and its limits */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  createGalleryCache,
  type GalleryCache,
  type GalleryCacheOptions,
} from '../../../src/gallery/cache/gallery-cache.js';
import type { GalleryStores } from '../../../src/gallery/cache/gallery.js';
import { defer } from '../../support/deferred.js';
import { toFixedPoint } from '../../../src/gallery/store/fixed-point.js';
import { openPhotoSource } from '../../../src/gallery/source/photo-source.js';
import type { FileContent } from '../../../src/gallery/store/file-table.js';
import type { FaceRecord, PhotoRecord } from '../../../src/gallery/store/photo-record.js';
import { loadConfig } from '../../../src/shared/config.js';
import { GalleryUnavailableError, JobError } from '../../../src/shared/errors.js';

/** In two dimensions: its cosine with the probe. */
const PROBE = Float32Array.of(1, 0);
const point = { x: 0, y: 0 };

let directory: string;
let nowMs: number;
/** Indexed photos by path. */
let contents: Map<string, PhotoRecord>;
/** Folders that were read from the file table. */
let asked: string[];
let warnings: string[];
/** Files that were removed from the file table. */
let removed: string[];
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'galleries-'));
  nowMs = 0;
  contents = new Map();
  asked = [];
  warnings = [];
  removed = [];
});
afterEach(() => rm(directory, { recursive: true }));

const broken: PhotoRecord = { kind: 'broken', message: 'It is cut off.' };

function face(cosine: number, widthPx = 100, nose = 0.5): FaceRecord {
  const eye = { x: 10, y: 10 };
  return {
    box: { x: 0, y: 0, width: widthPx, height: widthPx },
    landmarks: [eye, { x: 30, y: 10 }, { x: 10 + 20 * nose, y: 20 }, point, point],
    score: 0.9,
    sharpness: 100,
    embedding: toFixedPoint(Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2))),
  };
}

async function addPhoto(file: string, ...faces: FaceRecord[]): Promise<void> {
  await mkdir(path.dirname(path.join(directory, file)), { recursive: true });
  await writeFile(path.join(directory, file), '');
  contents.set(file, { kind: 'faces', widthPx: 1000, heightPx: 800, faces });
}

function open(
  environment: Record<string, string> = {},
  changed: Partial<GalleryCacheOptions> = {},
): GalleryCache {
  const { gallery } = loadConfig({ GALLERY_DIR: directory, ...environment }, '/nowhere');
  return createGalleryCache({
    source: openPhotoSource(directory),
    stores: {
      embeddings: {
        read: async (paths) => paths.map((file) => contents.get(file) ?? null),
        write: async () => {},
      },
      files: {
        read: async (folder, files) => {
          asked.push(folder);
          return files.map(({ name }): FileContent | null => {
            const file = `${folder}/${name}`;
            return contents.has(file) ? { kind: 'content', hash: file } : null;
          });
        },
        write: async () => {},
        remove: async (folder, names) => void removed.push(...names.map((name) => `${folder}/${name}`)),
      },
    },
    embeddingSize: 2,
    settings: gallery,
    excludedMinCosine: 0.9,
    warn: (line) => warnings.push(line),
    now: () => nowMs,
    ...changed,
  });
}

const settingsOf = () => {
  return loadConfig({ GALLERY_DIR: directory }, '/nowhere').gallery;
};

let reading = defer();
let goOn = defer();

/** Stores that wait for `goOn` before they answer with a face. */
function slowStores(): GalleryStores {
  reading = defer();
  goOn = defer();
  return {
    embeddings: {
      read: async (paths) => {
        const found = paths.map((file) => contents.get(file) ?? null);
        reading.resolve();
        await goOn.promise;
        return found;
      },
      write: async () => {},
    },
    files: {
      read: async (folder, files) =>
        files.map(({ name }) => ({ kind: 'content', hash: `${folder}/${name}` })),
      write: async () => {},
      remove: async () => {},
    },
  };
}

const search = async (cache: GalleryCache, stage: string, minCosine = 0.5) =>
  (await cache.search({ stage, probe: PROBE, minCosine, limit: 0 })).matches
    .map((match) => match.path)
    .toSorted();

describe('a gallery', () => {
  test('has all photos below its folder, each with the box of its best face', async () => {
    await addPhoto('a/1.jpg', face(0.3), face(0.8, 120));
    await addPhoto('a/b/2.jpg', face(0.6));
    await addPhoto('a/3.jpg', face(0.4));
    await addPhoto('c/4.jpg', face(1));
    const { matches, photos, faces } = await open().search({
      stage: 'a',
      probe: PROBE,
      minCosine: 0.5,
      limit: 0,
    });
    expect({ photos, faces }).toEqual({ photos: 3, faces: 4 });
    expect(matches.toSorted((x, y) => y.cosine - x.cosine)).toEqual([
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

  test('is the same gallery with a slash at its end', async () => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open();
    expect(await search(cache, 'a/')).toEqual(['a/1.jpg']);
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    expect(asked).toEqual(['a']);
  });

  test('lists the photos that are not indexed yet, and searches the others', async () => {
    await addPhoto('a/1.jpg', face(1));
    await addPhoto('a/2.jpg', face(1));
    contents.delete('a/2.jpg');
    const cache = open();
    const { batches, matches } = await cache.search({ stage: 'a', probe: PROBE, minCosine: 0.5, limit: 0 });
    expect(batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`))).toEqual([
      'a/2.jpg',
    ]);
    expect(matches).toHaveLength(1);
    contents.set('a/2.jpg', { kind: 'faces', widthPx: 10, heightPx: 10, faces: [face(1)] });
    expect(await search(cache, 'a')).toEqual(['a/1.jpg', 'a/2.jpg']);
  });

  test('is scanned at most once a second, and reads only changed photos', async () => {
    await addPhoto('a/1.jpg', face(1));
    await addPhoto('b/1.jpg', face(1));
    const cache = open();
    await search(cache, 'a');
    await addPhoto('a/2.jpg', face(1));
    nowMs = 999;
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    nowMs = 1001;
    expect(await search(cache, 'a')).toEqual(['a/1.jpg', 'a/2.jpg']);
    nowMs = 3000;
    await rm(path.join(directory, 'a/1.jpg'));
    expect(await search(cache, 'a')).toEqual(['a/2.jpg']);
    expect(asked).toEqual(['a', 'a']);
  });

  test('is scanned once for concurrent searches', async () => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open();
    const found = await Promise.all(Array.from({ length: 5 }, () => search(cache, 'a')));
    expect(found).toEqual(Array.from({ length: 5 }, () => ['a/1.jpg']));
    expect(asked).toEqual(['a']);
  });

  test('is not found while its folder is missing, and found once the folder exists', async () => {
    await addPhoto('b/1.jpg', face(1));
    const cache = open();
    await expect(cache.scan('a')).rejects.toSatisfy(
      (error) => error instanceof JobError && error.code === 'GALLERY_NOT_FOUND',
    );
    await addPhoto('a/1.jpg', face(1));
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  });

  test('leaves out and counts faces that are too small, turned away or blurred', async () => {
    await addPhoto('a/small.jpg', face(1, 29));
    await addPhoto('a/turned.jpg', face(1, 100, 0.95));
    await addPhoto('a/blurred.jpg', { ...face(1), sharpness: 40 });
    await addPhoto('a/good.jpg', face(1), face(1, 10));
    const cache = open({ MIN_FACE_PX: '30', MAX_YAW_DEG: '45', MIN_SHARPNESS: '50' });
    expect(await search(cache, 'a')).toEqual(['a/good.jpg']);
    expect(await cache.scan('a')).toMatchObject({ photos: 4, faces: 1, belowQuality: 4 });
  });

  test('names the photos that are broken', async () => {
    await addPhoto('a/1.jpg', face(1));
    await addPhoto('a/2.jpg');
    contents.set('a/2.jpg', { kind: 'broken', message: 'It is cut off.' });
    expect((await open().scan('a')).skipped).toEqual(['Skipped photo a/2.jpg: It is cut off.']);
  });
});

describe('excluded people', () => {
  test('are in no result, get no result, and their photos are in no gallery', async () => {
    await addPhoto('a/1.jpg', face(0.55));
    await addPhoto('a/2.jpg', face(0.9));
    await addPhoto('a/out/3.jpg', face(0.55));
    const cache = open({ EXCLUDED_STAGE: 'a/out/' });
    expect(await search(cache, 'a')).toEqual(['a/2.jpg']);
    const excluded = Float32Array.of(0.55, Math.sqrt(1 - 0.55 ** 2));
    expect((await cache.search({ stage: 'a', probe: excluded, minCosine: -1, limit: 0 })).matches).toEqual(
      [],
    );
  });
});

describe('a photo of an excluded person', () => {
  beforeEach(() => addPhoto('a/1.jpg', face(0.55)));

  test('excludes also with a face below the quality limits', async () => {
    await addPhoto('staff/small.jpg', { ...face(0.55, 10, 0.95), sharpness: 1 });
    const cache = open({
      EXCLUDED_STAGE: 'staff',
      MIN_FACE_PX: '30',
      MAX_YAW_DEG: '45',
      MIN_SHARPNESS: '50',
    });
    expect(await search(cache, 'a')).toEqual([]);
  });

  test.each([
    ['is broken', 'staff/2.jpg: It is cut off.', () => contents.set('staff/2.jpg', broken)],
    ['shows no face', 'staff/2.jpg: no face was found', () => undefined],
  ])('that %s stops all searches until it is replaced', async (_case, line, spoil) => {
    await addPhoto('staff/1.jpg', face(0.9));
    await addPhoto('staff/2.jpg');
    spoil();
    const cache = open({ EXCLUDED_STAGE: 'staff' });
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
    await expect(cache.findExcluded([PROBE])).rejects.toThrow(line);
    expect(await cache.check()).toContain(line);
    await rm(path.join(directory, 'staff/2.jpg'));
    nowMs += 60_000;
    await vi.waitFor(async () => expect(await cache.check()).toBeNull());
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  });

  test('that is unusable is ignored with a warning if the setting allows it', async () => {
    await addPhoto('staff/1.jpg');
    const cache = open({ EXCLUDED_STAGE: 'staff', EXCLUDED_UNUSABLE: 'ignore' });
    for (let i = 0; i < 3; i += 1) expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    expect(warnings).toEqual([expect.stringContaining('staff/1.jpg: no face was found')]);
    expect(await cache.check()).toBeNull();
  });

  test('that is not indexed yet holds back every match', async () => {
    await addPhoto('staff/1.jpg', face(0.9));
    contents.delete('staff/1.jpg');
    const cache = open({ EXCLUDED_STAGE: 'staff' });
    const { matches, batches } = await cache.search({ stage: 'a', probe: PROBE, minCosine: 0, limit: 0 });
    expect(matches).toEqual([]);
    expect(batches).toMatchObject([{ folder: 'staff' }]);
    expect((await cache.findExcluded([PROBE])).batches).toHaveLength(1);
  });

  test('excludes photos that a job lists, too', async () => {
    await addPhoto('staff/1.jpg', face(0.5));
    const cache = open({ EXCLUDED_STAGE: 'staff' });
    const like = Float32Array.of(0.55, Math.sqrt(1 - 0.55 ** 2));
    expect(await cache.findExcluded([PROBE, like])).toEqual({ excluded: [false, true], batches: [] });
  });
});

describe('a machine without its photos', () => {
  test('says that EXCLUDED_STAGE is missing, and answers no search', async () => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open({ EXCLUDED_STAGE: 'staf' });
    await cache.check();
    await vi.waitFor(async () => {
      expect(await cache.check()).toBe('EXCLUDED_STAGE "staf" is not a folder below GALLERY_DIR');
    });
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
  });

  test.each([
    ['does not exist', () => rm(directory, { recursive: true }), () => mkdir(directory)],
    ['is an empty mount point', () => rm(path.join(directory, 'a'), { recursive: true }), () => undefined],
    [
      'is a file',
      async () => {
        await rm(directory, { recursive: true });
        await writeFile(directory, '');
      },
      async () => {
        await rm(directory);
        await mkdir(directory);
      },
    ],
  ])('knows it when GALLERY_DIR %s, and when it is back', async (_case, take, restore) => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open();
    await take();
    await expect(search(cache, 'a')).rejects.toThrow(GalleryUnavailableError);
    expect(await cache.check()).toContain('GALLERY_DIR');
    await restore();
    await addPhoto('a/1.jpg', face(1));
    await vi.waitFor(async () => expect(await cache.check()).toBeNull());
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
  });
});

describe('the cache', () => {
  test('evicts the gallery that has not been used for the longest time', async () => {
    for (const stage of ['a', 'b', 'c']) await addPhoto(`${stage}/1.jpg`, face(1));
    // A single face takes a block of memory, which is less than this.
    const cache = open({ GALLERY_MEMORY_MB: '1' }, { embeddingSize: 2 });
    for (const stage of ['a', 'b', 'a']) await search(cache, stage);
    expect(asked).toEqual(['a', 'b']);
    for (let i = 0; i < 40; i += 1) {
      await addPhoto(`many-${i}/1.jpg`, face(1));
      await search(cache, `many-${i}`);
    }
    asked = [];
    expect(await search(cache, 'a')).toEqual(['a/1.jpg']);
    expect(asked).toEqual(['a']);
  });

  test('drops deleted contents from every gallery, and keeps the others', async () => {
    for (const file of ['a/1.jpg', 'a/2.jpg', 'b/1.jpg']) await addPhoto(file, face(1));
    const cache = open();
    for (const stage of ['a', 'b']) await search(cache, stage);
    contents.delete('a/1.jpg');
    asked = [];
    cache.invalidate({ kind: 'contents', hashes: new Set(['a/1.jpg']) });
    const { matches, batches } = await cache.search({ stage: 'a', probe: PROBE, minCosine: 0, limit: 0 });
    expect(matches.map((match) => match.path)).toEqual(['a/2.jpg']);
    expect(batches).toMatchObject([{ folder: 'a', files: [{ name: '1.jpg' }] }]);
    expect(await search(cache, 'b')).toEqual(['b/1.jpg']);
    expect(asked).toEqual(['a']);
  });

  test('has no face that was deleted while its gallery was being loaded', async () => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open({}, { stores: slowStores() });
    const searching = search(cache, 'a');
    await reading.promise;
    cache.invalidate({ kind: 'contents', hashes: new Set(['a/1.jpg']) });
    goOn.resolve();
    expect(await searching).toEqual([]);
  });

  test('loads everything again after all was deleted', async () => {
    await addPhoto('a/1.jpg', face(1));
    const cache = open();
    await search(cache, 'a');
    cache.invalidate({ kind: 'all' });
    await search(cache, 'a');
    expect(asked).toEqual(['a', 'a']);
  });

  test('refuses a gallery that does not fit, and does not load it for every search', async () => {
    for (let i = 0; i < 40; i += 1) await addPhoto(`a/${i}.jpg`, face(1), face(1), face(1), face(1), face(1));
    await addPhoto('b/1.jpg', face(1));
    const cache = open({}, { settings: { ...settingsOf(), memoryBytes: 100_000 } });
    expect(await search(cache, 'b')).toEqual(['b/1.jpg']);
    asked = [];
    for (let i = 0; i < 3; i += 1) {
      await expect(search(cache, 'a')).rejects.toThrow('GALLERY_TOO_LARGE');
    }
    expect(asked).toEqual(['a']);
    nowMs += 60_001;
    for (let i = 2; i < 40; i += 1) await rm(path.join(directory, `a/${i}.jpg`));
    expect(await search(cache, 'a')).toHaveLength(2);
  });

  test('returns the best matches up to the limit', async () => {
    for (const cosine of [0.6, 0.9, 0.7, 0.8]) await addPhoto(`a/${cosine}.jpg`, face(cosine), face(0.55));
    const { matches } = await open().search({ stage: 'a', probe: PROBE, minCosine: 0.5, limit: 2 });
    expect(matches.map((match) => match.path)).toEqual(['a/0.9.jpg', 'a/0.8.jpg']);
  });

  test('removes vanished files from the file table', async () => {
    for (const file of ['a/1.jpg', 'a/2.jpg', 'a/b/3.jpg']) await addPhoto(file, face(1));
    const cache = open();
    await search(cache, 'a');
    await rm(path.join(directory, 'a/1.jpg'));
    nowMs += 60_000;
    await search(cache, 'a');
    expect(removed).toEqual(['a/1.jpg']);
  });
});
