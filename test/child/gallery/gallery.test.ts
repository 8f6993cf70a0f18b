import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openGallery } from '../../../src/child/gallery/gallery.js';
import { ImageError, JobError } from '../../../src/shared/errors.js';
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

const settings = { maxGalleryImages: 3 };
const options = () => ({
  settings: { ...settings, galleryDir },
  signal: new AbortController().signal,
  log: (line: string) => log.push(line),
});
const openFolder = (stage: string) => openGallery({ kind: 'folder', stage }, options());
const openList = (entries: GalleryEntry[]) => openGallery({ kind: 'list', entries }, options());
const idsOf = async (stage: string) => (await openFolder(stage)).map((photo) => photo.id);

const failsWith = (code: string) => (error: unknown) => error instanceof JobError && error.code === code;

describe('a folder gallery', () => {
  test('has the pictures of all folders below the stage, in a stable order', async () => {
    expect(await idsOf('Day-1')).toEqual(['Day-1/c.png', 'Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning')).toEqual(['Day-1/Morning/a.JPG', 'Day-1/Morning/b.jpg']);
    expect(await idsOf('Day-1/Morning/')).toHaveLength(2);
  });

  test('a photo is read from its real path', async () => {
    const [photo] = await openFolder('Day-1/Morning');
    expect(await photo?.source()).toEqual({
      kind: 'file',
      path: path.join(galleryDir, 'Day-1/Morning/a.JPG'),
    });
  });

  test('has pictures only: no other files, nothing hidden, no folders named like pictures, no pipes', async () => {
    await touch(
      ...['jpg', 'jpeg', 'png', 'webp', 'avif', 'gif', 'tif', 'TIFF'].map((ending) => `photos/s/x.${ending}`),
      ...['txt', 'mp4', 'heic', 'jpg.part', 'svg'].map((ending) => `photos/s/y.${ending}`),
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

  test('is not found where the stage leaves the gallery or names no folder, and which of them is not told', async () => {
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
      const error: unknown = await openFolder(stage).then(
        () => new Error(`Opened ${stage}`),
        (thrown: unknown) => thrown,
      );
      expect(error).toSatisfy(failsWith('GALLERY_NOT_FOUND'));
      messages.add((error as Error).message);
    }
    expect(messages.size).toBe(1);
  });

  test('is not found where this machine has no gallery folder', async () => {
    const source = { kind: 'folder', stage: 'Day-1' } as const;
    for (const dir of [null, path.join(base, 'nowhere')]) {
      await expect(
        openGallery(source, { ...options(), settings: { ...settings, galleryDir: dir } }),
      ).rejects.toSatisfy(failsWith('GALLERY_NOT_FOUND'));
    }
  });

  test('a photo that became a link out of the gallery is not opened', async () => {
    const [photo] = await openFolder('Day-1/Morning');
    await rm(path.join(galleryDir, 'Day-1'), { recursive: true });
    await symlink('../outside', path.join(galleryDir, 'Day-1'));
    await touch('outside/Morning/a.JPG');
    await expect(photo?.source()).rejects.toThrow(ImageError);
  });

  test('ends with the reason of the signal', async () => {
    const reason = new Error('stop');
    await expect(
      openGallery({ kind: 'folder', stage: 'Day-1' }, { ...options(), signal: AbortSignal.abort(reason) }),
    ).rejects.toBe(reason);
  });

  test('leaves the event loop free while it lists thousands of files', async () => {
    const folder = path.join(galleryDir, 'many');
    await mkdir(folder);
    await Promise.all(Array.from({ length: 3000 }, (_, n) => writeFile(path.join(folder, `${n}.jpg`), '')));
    let turns = 0;
    let listing = true;
    const turn = (): void => {
      turns += 1;
      if (listing) setImmediate(turn);
    };
    turn();
    const ids = await idsOf('many');
    listing = false;
    expect(ids).toHaveLength(3000);
    expect(turns).toBeGreaterThan(5);
  });
});

describe('a list', () => {
  test('has its entries in their order, inline pictures and files', async () => {
    const photos = await openList([
      { id: 'x', image: 'AAAA' },
      { id: 'y', path: 'Day-1/c.png' },
    ]);
    expect(photos.map((photo) => photo.id)).toEqual(['x', 'y']);
    expect(await photos[0]?.source()).toEqual({ kind: 'base64', text: 'AAAA' });
    expect(await photos[1]?.source()).toEqual({ kind: 'file', path: path.join(galleryDir, 'Day-1/c.png') });
  });

  test('has a limited number of inline pictures', async () => {
    const entries = Array.from({ length: 4 }, (_, n) => ({ id: String(n), image: 'AAAA' }));
    await expect(openList(entries)).rejects.toSatisfy(failsWith('INVALID_JOB'));
    expect(await openList(entries.slice(1))).toHaveLength(3);
    expect(await openList(entries.map(({ id }) => ({ id, path: id })))).toHaveLength(4);
  });

  test('an entry that is no file below the gallery is a broken photo, and which of the reasons is not told', async () => {
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

  test('with files is not found where this machine has no gallery folder; without files it needs none', async () => {
    const noDirectory = { ...options(), settings: { ...settings, galleryDir: null } };
    const open = (entries: GalleryEntry[]) => openGallery({ kind: 'list', entries }, noDirectory);
    await expect(open([{ id: 'x', path: 'x.jpg' }])).rejects.toSatisfy(failsWith('GALLERY_NOT_FOUND'));
    expect(await open([{ id: 'x', image: 'AAAA' }])).toHaveLength(1);
    expect(await open([])).toEqual([]);
  });
});
