import sharp from 'sharp';
import { expect, test } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';
import { cropQualityOf } from '../../../src/child/vision/crop-quality.js';

async function drawn(blurSigma?: number): Promise<RgbImage> {
  const scene = await drawScene({
    widthPx: 112,
    heightPx: 112,
    faces: [{ person: 5, x: 16, y: 32, sizePx: 80 }],
  });
  const image = sharp(scene);
  if (blurSigma !== undefined) image.blur(blurSigma);
  return { data: await image.removeAlpha().raw().toBuffer(), widthPx: 112, heightPx: 112 };
}

const sharpnessOf = (image: RgbImage): number => cropQualityOf(image).sharpness;

const flat = (value: number): RgbImage => ({
  data: new Uint8Array(3 * 64).fill(value),
  widthPx: 8,
  heightPx: 8,
});

test('a face is less sharp the more it is blurred', async () => {
  const sharpnesses = [await drawn(), await drawn(0.8), await drawn(2), await drawn(5)].map(sharpnessOf);
  expect(sharpnesses).toEqual(sharpnesses.toSorted((a, b) => b - a));
  expect(new Set(sharpnesses).size).toBe(4);
});

test('a flat image of any colour has no sharpness', () => {
  expect([flat(0), flat(93), flat(255)].map(sharpnessOf)).toEqual([0, 0, 0]);
});

test('the highest sharpness fits into a record', () => {
  const board = Uint8Array.from(
    { length: 3 * 64 },
    (_, i) => ((Math.floor(i / 3) + Math.floor(i / 24)) % 2) * 255,
  );
  expect(sharpnessOf({ data: board, widthPx: 8, heightPx: 8 })).toBe(65_535);
});

test('the slope of a shadow does not count as sharpness', () => {
  const slope = Uint8Array.from({ length: 3 * 64 }, (_, i) => 10 * (Math.floor(i / 3) % 8));
  expect(sharpnessOf({ data: slope, widthPx: 8, heightPx: 8 })).toBe(0);
});

test('the brightness is the mean luma', () => {
  expect([flat(0), flat(93), flat(255)].map((image) => cropQualityOf(image).brightness)).toEqual([
    0, 93, 255,
  ]);
});
