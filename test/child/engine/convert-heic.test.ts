import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, test } from 'vitest';
// Built, because a thread starts from a file that Node can run.
import { convertHeic } from '../../../dist/child/engine/convert-heic.js';

/** 320 x 240 pixels, a drawn face. */
const HEIC = await readFile(new URL('../../fixtures/drawn-face.heic', import.meta.url));

test('a HEIC image becomes a JPEG of the same size', async () => {
  const readable = await convertHeic(HEIC, 1_000_000);
  expect(await sharp(readable).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 240 });
});

test('any other image stays as it is', async () => {
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  expect(await convertHeic(png, 100)).toBe(png);
});

test('a HEIC image that is broken or too large is refused', async () => {
  await expect(convertHeic(HEIC.subarray(0, 600), 1_000_000)).rejects.toMatchObject({ name: 'ImageError' });
  await expect(convertHeic(HEIC, 1000)).rejects.toMatchObject({ problem: 'too-large' });
});

test('a HEIC image that takes too long is refused, and the next one is decoded', async () => {
  const refused = convertHeic(HEIC, 1_000_000, 1);
  const next = convertHeic(HEIC, 1_000_000);
  await expect(refused).rejects.toMatchObject({ name: 'ImageError', problem: 'too-large' });
  expect(await sharp(await next).metadata()).toMatchObject({ format: 'jpeg' });
});
