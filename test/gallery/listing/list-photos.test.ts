import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openGalleryDirectory } from '../../../src/gallery/listing/gallery-directory.js';
import { listPhotos } from '../../../src/gallery/listing/list-photos.js';
import { openListedPhotos } from '../../../src/child/search/listed-photos.js';
import { GalleryUnavailableError, ImageError, JobError } from '../../../src/shared/errors.js';
import type { GalleryEntry } from '../../../src/shared/job.js';

let base: string;
let galleryDir: string;
let log: string[];

beforeEach(async () => {
  base = await realpath(await mkdtemp(path.join(tmpdir(), 'gallery-')));
  galleryDir = path.join(base, 'photos');
  log = [];
  await touch(
    'photos/Day-1/Morning/b.jpg',
    'photos/Day-1/Morning/a.JPG',
    'photos/Day-1/c.png',
    'outside/secret.jpg',
  );
});
afterEach(() => rm(base, { recursive: true }));

async function touch(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(path.dirname(path.join(base, file)), { recursive: true });
    await writeFile(path.join(base, file), '');
  }
}

const link = (target: string, file: string) => symlink(target, path.join(galleryDir, file));

const options = () => ({ galleryDir, maxGalleryImages: 3 });
const listFolder = async (stage: string) =>
  listPhotos(await openGalleryDirectory(galleryDir), stage, (line) => log.push(line));
const openList = (entries: GalleryEntry[]) => openListedPhotos(entries, options());
const openNowhere = (entries: GalleryEntry[]) =>
  openListedPhotos(entries, { ...options(), galleryDir: null });
const idsOf = async (stage: string) =>
  (await listFolder(stage)).flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));

const failsWith = (code: string) => (error: unknown) => error instanceof JobError && error.code === code;

describe('a folder gallery', () => {
  test('has the photos of all folders below the stage, in a stable order', async () => {
    expect(await idsOf('Day-1')).toEqual(['Day-1/c.png', 'Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning')).toEqual(['Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning/')).toHaveLength(2);
  });

  test('gives the size and the time of change of a photo, also through a link', async () => {
    await writeFile(path.join(galleryDir, 'Day-1/Morning/a.JPG'), 'twelve bytes');
    await utimes(path.join(galleryDir, 'Day-1/Morning/a.JPG'), 1, 1_700_000_000.5);
    await mkdir(path.join(galleryDir, 's'));
    await link('../Day-1/Morning/a.JPG', 's/link.jpg');
    expect(await listFolder('s')).toEqual([
      { folder: 's', files: [{ name: 'link.jpg', sizeBytes: 12, changedMs: 1_700_000_000_500 }] },
    ]);
  });

  test('has only photos: no other files, nothing hidden, no folders named like photos, no pipes', async () => {
    await touch(
      ...['jpg', 'jpeg', 'png', 'webp', 'avif', 'gif', 'tif', 'TIFF'].map((ending) => `photos/s/x.${ending}`),
      ...['txt', 'mp4', 'jpg.part', 'svg'].map((ending) => `photos/s/y.${ending}`),
      'photos/s/.hidden.jpg',
      'photos/s/.cache/z.jpg',
      'photos/s/folder.jpg/inside.jpg',
    );
    execFileSync('mkfifo', [path.join(galleryDir, 's/pipe.jpg')]);
    expect(await idsOf('s')).toEqual([
      's/x.TIFF',
      's/x.avif',
      's/x.gif',
      's/x.jpeg',
      's/x.jpg',
      's/x.png',
      's/x.tif',
      's/x.webp',
      's/folder.jpg/inside.jpg',
    ]);
  });

  test('leaves out folders of thumbnails, unread formats and unusable names, and counts each', async () => {
    await touch(
      ...['@eaDir', '#recycle', '$RECYCLE.BIN', 'CANONMSC'].map((name) => `photos/s/${name}/x.jpg`),
      ...['jfif', 'jpe', 'JIF'].map((ending) => `photos/s/a.${ending}`),
      ...['JXL', 'cr2'].map((ending) => `photos/s/b.${ending}`),
      'photos/s/back\\slash.jpg',
      'photos/s/line\nbreak.jpg',
    );
    await writeFile(Buffer.from(path.join(galleryDir, 's/Zürich.jpg'), 'latin1'), '');
    expect(await idsOf('s')).toEqual(['s/a.JIF', 's/a.jfif', 's/a.jpe']);
    expect(log).toEqual([
      'Left out 2 photos in formats that are not read, such as JPEG XL or raw',
      'Left out 3 names with backslashes, control characters or bytes that are not UTF-8',
      'Left out 4 folders of thumbnails, deleted files or system files',
    ]);
  });

  test('a stage of a million slashes takes no time', async () => {
    await expect(listFolder(`${'/'.repeat(1_500_000)}x`)).rejects.toSatisfy(failsWith('GALLERY_NOT_FOUND'));
    expect(await idsOf(`Day-1/Morning${'/'.repeat(1_500_000)}`)).toHaveLength(2);
  });

  test('an empty folder is a gallery without photos', async () => {
    await mkdir(path.join(galleryDir, 'empty'));
    expect(await idsOf('empty')).toEqual([]);
  });

  test('names may have any other characters', async () => {
    await touch('photos/Täg 1/ünï…cödé ..x.jpg', 'photos/Täg 1/a%2e%2e.jpg');
    expect(await idsOf('Täg 1')).toEqual(['Täg 1/a%2e%2e.jpg', 'Täg 1/ünï…cödé ..x.jpg']);
  });

  test('follows links that stay in the gallery, and lists a folder once', async () => {
    await touch('photos/s/own.jpg');
    await link('../Day-1/Morning', 's/morning');
    await link('../Day-1/Morning', 's/again');
    await link('../Day-1/c.png', 's/c.png');
    await link('..', 's/circle');
    await link('.', 's/self');
    await link('nowhere', 's/broken.jpg');
    expect(await idsOf('s')).toEqual(['s/c.png', 's/own.jpg', 's/again/a.JPG', 's/again/b.jpg']);
  });

  test('skips links that leave the gallery', async () => {
    await touch('photos/s/own.jpg');
    await link('../../outside', 's/folder');
    await link('../../outside/secret.jpg', 's/secret.jpg');
    await link(path.join(base, 'outside'), 's/absolute');
    expect(await idsOf('s')).toEqual(['s/own.jpg']);
  });

  test('the gallery folder may itself be a link', async () => {
    await symlink('photos', path.join(base, 'link'));
    galleryDir = path.join(base, 'link');
    expect(await idsOf('Day-1/Morning')).toHaveLength(2);
  });

  test('is not found if the stage leaves the gallery or is no folder, with the same message for both', async () => {
    await link('../outside', 'escape');
    await link(path.join(base, 'outside'), 'absolute');
    await touch('photos/.hidden/x.jpg');
    const stages = [
      'nowhere',
      'Day-1/c.png',
      'Day-1/c.png/x',
      '..',
      '../outside',
      'Day-1/../../outside',
      'Day-1/..',
      '.',
      './Day-1',
      '/',
      '/etc',
      path.join(base, 'outside'),
      path.join(galleryDir, 'Day-1'),
      'Day-1\0',
      '\0',
      '..\\outside',
      'Day-1\\Morning',
      'C:\\',
      'Day-1//Morning',
      'escape',
      'escape/',
      'absolute',
      '.hidden',
      'x'.repeat(5000),
      '~',
      '%2e%2e',
    ];
    const messages = new Set<string>();
    for (const stage of stages) {
      const error: unknown = await listFolder(stage).then(
        () => new Error(`Opened ${stage}`),
        (thrown: unknown) => thrown,
      );
      expect(error).toSatisfy(failsWith('GALLERY_NOT_FOUND'));
      messages.add((error as JobError).detail.replace(JSON.stringify(stage), '…'));
      expect((error as JobError).sentence).toContain(`"${stage}"`);
    }
    expect(messages.size).toBe(1);
  });

  test('is unavailable if GALLERY_DIR does not exist, and the job is not at fault', async () => {
    galleryDir = path.join(base, 'nowhere');
    await expect(listFolder('Day-1')).rejects.toThrow(GalleryUnavailableError);
  });

  test('may be the root of the file system', async () => {
    const directory = await openGalleryDirectory('/');
    const listed = await listPhotos(directory, galleryDir.slice(1), () => undefined);
    expect(listed[0]?.folder).toBe(`${galleryDir.slice(1)}/Day-1`);
  });
});

describe('a list', () => {
  test('has its entries in their order, inline photos and files', async () => {
    const photos = await openList([
      { id: 'x', image: 'AAAA' },
      { id: 'y', path: 'Day-1/c.png' },
    ]);
    expect(photos.map((photo) => photo.id)).toEqual(['x', 'y']);
    expect(await photos[0]?.source()).toEqual({ kind: 'base64', text: 'AAAA' });
    expect(await photos[1]?.source()).toEqual({ kind: 'file', path: path.join(galleryDir, 'Day-1/c.png') });
  });

  test('has a limited number of inline photos', async () => {
    const entries = Array.from({ length: 4 }, (_, n) => ({ id: String(n), image: 'AAAA' }));
    await expect(openList(entries)).rejects.toSatisfy(failsWith('INVALID_JOB'));
    expect(await openList(entries.slice(1))).toHaveLength(3);
    expect(await openList(entries.map(({ id }) => ({ id, path: id })))).toHaveLength(4);
  });

  test('an entry that is no file below the gallery is a broken photo, with the same message for every reason', async () => {
    await link('../outside/secret.jpg', 'secret.jpg');
    await link('../outside', 'folder');
    execFileSync('mkfifo', [path.join(galleryDir, 'pipe.jpg')]);
    const paths = [
      '../outside/secret.jpg',
      path.join(base, 'outside/secret.jpg'),
      'secret.jpg',
      'folder/secret.jpg',
      '..\\outside\\secret.jpg',
      'nowhere.jpg',
      'Day-1',
      'pipe.jpg',
      'Day-1/c.png\0.jpg',
      '/dev/zero',
    ];
    const messages = new Set<string>();
    for (const photo of await openList(paths.map((file) => ({ id: file, path: file })))) {
      const error: unknown = await photo.source().then(
        () => new Error(`Opened ${photo.id}`),
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(ImageError);
      messages.add((error as Error).message);
    }
    expect(messages.size).toBe(1);
  });

  test('with files is not found if this machine has no gallery folder; without files it needs none', async () => {
    await expect(openNowhere([{ id: 'x', path: 'x.jpg' }])).rejects.toSatisfy(failsWith('GALLERY_NOT_FOUND'));
    expect(await openNowhere([{ id: 'x', image: 'AAAA' }])).toHaveLength(1);
    expect(await openNowhere([])).toEqual([]);
  });
});
