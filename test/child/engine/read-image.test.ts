import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readImage } from '../../../src/child/engine/read-image.js';
import { ImageError } from '../../../src/shared/errors.js';

const CONTENT = Buffer.from([1, 2, 3, 4]);

let directory: string;
const file = (name: string) => ({ kind: 'file', path: path.join(directory, name) }) as const;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'read-image-'));
  await writeFile(file('image').path, CONTENT);
  await writeFile(file('empty').path, '');
  await mkdir(file('folder').path);
  await symlink('image', file('link').path);
  await symlink('circle', file('circle').path);
});
afterAll(() => rm(directory, { recursive: true }));

describe('readImage', () => {
  it('reads base64', async () => {
    expect(await readImage({ kind: 'base64', text: 'data:image/png;base64,AQIDBA==' }, 4)).toEqual(CONTENT);
  });

  it('reads a file, also through a link', async () => {
    expect(await readImage(file('image'), 4)).toEqual(CONTENT);
    expect(await readImage(file('link'), 4)).toEqual(CONTENT);
  });

  it.each([
    ['has a byte more than is allowed', 'image', 3, 'The image has 4 bytes; at most 3 are allowed.'],
    ['is empty', 'empty', 4, 'The image is empty.'],
    ['is a directory', 'folder', 4, 'The image is not a file.'],
    ['is not there', 'nowhere', 4, 'The image cannot be read (ENOENT).'],
    ['is below what is no directory', 'image/x', 4, 'The image cannot be read (ENOTDIR).'],
    ['is a link in a circle', 'circle', 4, 'The image cannot be read (ELOOP).'],
  ])('is refused where its file %s', async (_, name, maxBytes, sentence) => {
    const refusal = readImage(file(name), maxBytes);
    await expect(refusal).rejects.toThrow(sentence);
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
  });

  // No file is closed to root.
  it.skipIf(process.getuid?.() === 0)('is refused where its file is closed to us', async () => {
    await writeFile(file('closed').path, CONTENT);
    await chmod(file('closed').path, 0);
    await expect(readImage(file('closed'), 4)).rejects.toThrow('The image cannot be read (EACCES).');
  });

  it('does not throw an ImageError for a path that no file can have', async () => {
    const failure = readImage(file('\0'), 4);
    await expect(failure).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_VALUE' });
    await expect(failure).rejects.not.toBeInstanceOf(ImageError);
  });
});
