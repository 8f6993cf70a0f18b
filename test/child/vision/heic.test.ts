import { readFile } from 'node:fs/promises';
import sharp from 'sharp';
import { expect, test } from 'vitest';
import { toReadable } from '../../../src/child/vision/heic.js';
import { ImageError } from '../../../src/shared/errors.js';

/** 320 x 240 pixels, a drawn face. */
const HEIC = await readFile(new URL('../../fixtures/drawn-face.heic', import.meta.url));

test('a HEIC image becomes a JPEG of the same size', async () => {
  const readable = await toReadable(HEIC, 1_000_000);
  expect(await sharp(readable).metadata()).toMatchObject({ format: 'jpeg', width: 320, height: 240 });
});

test('any other image stays as it is', async () => {
  const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: '#888' } })
    .png()
    .toBuffer();
  expect(await toReadable(png, 100)).toBe(png);
});

test('a HEIC image that is broken or too large is refused', async () => {
  await expect(toReadable(HEIC.subarray(0, 600), 1_000_000)).rejects.toBeInstanceOf(ImageError);
  await expect(toReadable(HEIC, 1000)).rejects.toMatchObject({ problem: 'too-large' });
});
