import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { checkGallery } from '../../../src/cli/doctor/check-gallery.js';
import { loadConfig } from '../../../src/shared/config.js';

let gallery: string;
beforeEach(async () => {
  gallery = await mkdtemp(path.join(tmpdir(), 'doctor-gallery-'));
});
afterEach(() => rm(gallery, { recursive: true }));

const check = (environment: Record<string, string> = {}) =>
  checkGallery(loadConfig({ GALLERY_DIR: gallery, ...environment }, tmpdir()).gallery);

async function add(...files: string[]): Promise<void> {
  for (const file of files) {
    await mkdir(path.dirname(path.join(gallery, file)), { recursive: true });
    await writeFile(path.join(gallery, file), '');
  }
}

describe('the check of the gallery', () => {
  it('counts photos, without hidden ones and thumbnails, and through links', async () => {
    await add(
      'Day-1/a.jpg',
      'Day-1/b.HEIC',
      'Day-1/notes.txt',
      'Day-1/.c.jpg',
      'Day-1/@eaDir/a.jpg',
      'd.png',
    );
    await symlink('Day-1', path.join(gallery, 'again'));
    await symlink('..', path.join(gallery, 'Day-1/up'));
    await symlink('d.png', path.join(gallery, 'e.png'));
    expect(await check()).toEqual([{ topic: 'gallery', level: 'ok', sentence: `4 photos in ${gallery}.` }]);
  });

  it('warns of formats that are not read', async () => {
    await add('a.jpg', 'b.CR2', 'c.cr2', 'd.nef');
    expect(await check()).toMatchObject([
      { level: 'ok', sentence: `1 photo in ${gallery}.` },
      {
        level: 'warning',
        sentence: expect.stringContaining('Left out 3 photos in formats that are not read'),
      },
    ]);
  });

  it('warns that it is not set', async () => {
    expect(await check({ GALLERY_DIR: '' })).toMatchObject([{ level: 'warning' }]);
  });

  it.each([
    ['does not exist', 'GALLERY_DIR does not exist', 'none'],
    ['is a file', 'GALLERY_DIR is not a folder', 'file.txt'],
    ['is empty', 'check whether it is mounted', 'empty'],
    ['holds no photos', 'holds no photos', 'texts'],
  ])('is an error if the folder %s', async (_, sentence, name) => {
    await add('file.txt', 'texts/readme.txt');
    await mkdir(path.join(gallery, 'empty'));
    expect(await check({ GALLERY_DIR: path.join(gallery, name) })).toMatchObject([
      { level: 'error', sentence: expect.stringContaining(sentence) },
    ]);
  });

  it.skipIf(process.getuid?.() === 0)('warns of what this user cannot read', async () => {
    await add('a.jpg', 'closed/b.jpg');
    await chmod(path.join(gallery, 'closed'), 0);
    expect(await check()).toMatchObject([
      { level: 'ok' },
      { level: 'warning', sentence: expect.stringContaining('closed') },
    ]);
    await chmod(path.join(gallery, 'closed'), 0o700);
  });

  it('looks at the folder of people who are never found', async () => {
    await add('a.jpg', 'never/b.jpg');
    expect(await check({ EXCLUDED_STAGE: 'never' })).toMatchObject([
      { level: 'ok' },
      { level: 'ok', sentence: expect.stringContaining('1 photo of people who are never found') },
    ]);
    expect(await check({ EXCLUDED_STAGE: 'nowhere' })).toMatchObject([
      { level: 'ok' },
      { level: 'error', sentence: expect.stringContaining('EXCLUDED_STAGE (nowhere)') },
    ]);
  });
});
