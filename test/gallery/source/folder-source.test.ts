import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NO_S3 } from '../../support/s3-server.js';
import { openPhotoSource } from '../../../src/gallery/source/photo-source.js';
import { ImageError, JobError } from '../../../src/shared/errors.js';

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

const source = () => openPhotoSource(galleryDir, NO_S3);
const listFolder = (stage: string) => source().list(stage, (line) => log.push(line));
const idsOf = async (stage: string) =>
  (await listFolder(stage)).flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));

const failsWith = (code: string) => (error: unknown) => error instanceof JobError && error.code === code;

describe('a folder gallery', () => {
  test('gives the size and the times of change of a photo, also through a link', async () => {
    await writeFile(path.join(galleryDir, 'Day-1/Morning/a.JPG'), 'twelve bytes');
    await utimes(path.join(galleryDir, 'Day-1/Morning/a.JPG'), 1, 1_700_000_000.5);
    await mkdir(path.join(galleryDir, 's'));
    await link('../Day-1/Morning/a.JPG', 's/link.jpg');
    const stamp = { sizeBytes: 12, changedMs: 1_700_000_000_500, ctimeMs: expect.any(Number) as number };
    expect(await listFolder('s')).toEqual([{ folder: 's', files: [{ name: 'link.jpg', ...stamp }] }]);
  });

  test('an empty folder is a gallery without photos', async () => {
    await mkdir(path.join(galleryDir, 'empty'));
    expect(await idsOf('empty')).toEqual([]);
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

  test('leaves out pipes, and folders that are named like photos', async () => {
    await touch('photos/s/folder.jpg/inside.jpg');
    execFileSync('mkfifo', [path.join(galleryDir, 's/pipe.jpg')]);
    expect(await idsOf('s')).toEqual(['s/folder.jpg/inside.jpg']);
  });

  test('counts names in Latin-1, which Node cannot open', async () => {
    await touch('photos/s/a.jpg');
    await writeFile(Buffer.from(path.join(galleryDir, 's/Zürich.jpg'), 'latin1'), '');
    expect(await idsOf('s')).toEqual(['s/a.jpg']);
    expect(log).toEqual([
      'Left out 1 names with backslashes, control characters or bytes that are not UTF-8',
    ]);
  });

  test('may be the root of the file system', async () => {
    const root = openPhotoSource('/', NO_S3);
    const listed = await root.list(galleryDir.slice(1), () => undefined);
    expect(listed[0]?.folder).toBe(`${galleryDir.slice(1)}/Day-1`);
    await writeFile(path.join(galleryDir, 'x.jpg'), 'x');
    expect(await root.read(`${galleryDir.slice(1)}/x.jpg`, 1)).toEqual(Buffer.from('x'));
  });

  test('counts no folder twice', async () => {
    await link('Day-1/Morning', 'again');
    await link('..', 'Day-1/circle');
    const counts = [...(await source().countByFolder(() => {})).values()];
    expect(counts.toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  test('gives no file outside of the gallery, and nothing that is not a file', async () => {
    await writeFile(path.join(base, 'outside/secret.jpg'), 'x');
    await link('../outside/secret.jpg', 'secret.jpg');
    await link('../outside', 'folder');
    await link('circle', 'circle');
    execFileSync('mkfifo', [path.join(galleryDir, 'pipe.jpg')]);
    const ids = [
      '../outside/secret.jpg',
      path.join(base, 'outside/secret.jpg'),
      'secret.jpg',
      'folder/secret.jpg',
      '..\\outside\\secret.jpg',
      'circle',
      'Day-1/c.png/x',
      'pipe.jpg',
      'Day-1/c.png\0.jpg',
      '/dev/zero',
    ];
    for (const id of ids) expect(await source().read(id, 100), id).toBeNull();
  });

  test('reads a photo through a link', async () => {
    await writeFile(path.join(galleryDir, 'Day-1/c.png'), 'x');
    await link('Day-1/c.png', 'link.png');
    expect(await source().read('link.png', 1)).toEqual(Buffer.from('x'));
  });

  // No file is closed to root.
  test.skipIf(process.getuid?.() === 0)('refuses a photo without permission to read it', async () => {
    await writeFile(path.join(galleryDir, 'Day-1/c.png'), 'x', { mode: 0 });
    const refusal = source().read('Day-1/c.png', 1);
    await expect(refusal).rejects.toThrow('The image cannot be read (EACCES).');
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
  });
});
