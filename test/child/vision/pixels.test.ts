import { describe, expect, it } from 'vitest';
import { type PixelEncoding, writePlanes } from '../../../src/child/vision/pixels.js';

/** Two rows of four pixels, counted in reading order: red from 10, green from 20, blue from 30. */
const image = {
  widthPx: 4,
  heightPx: 2,
  data: Uint8Array.from([0, 1, 2, 3, 4, 5, 6, 7].flatMap((i) => [10 + i, 20 + i, 30 + i])),
};
const RED = [10, 11, 12, 13, 14, 15, 16, 17];
const GREEN = [20, 21, 22, 23, 24, 25, 26, 27];
const BLUE = [30, 31, 32, 33, 34, 35, 36, 37];

/** The three planes, in rows. */
function planesOf(encoding: PixelEncoding, size = { widthPx: 4, heightPx: 2 }, of = image): number[][] {
  const area = size.widthPx * size.heightPx;
  const target = new Float32Array(3 * area).fill(-7);
  writePlanes(of, target, size, encoding);
  return [0, area, 2 * area].map((start) => [...target.subarray(start, start + area)]);
}

describe('planes of pixels', () => {
  const plain = { mean: 0, scale: 1 };

  it('red first, then green, then blue', () => {
    expect(planesOf({ channels: 'rgb', ...plain })).toEqual([RED, GREEN, BLUE]);
  });

  it('or blue first, then green, then red', () => {
    expect(planesOf({ channels: 'bgr', ...plain })).toEqual([BLUE, GREEN, RED]);
  });

  it('minus the mean, divided by the scale', () => {
    expect(planesOf({ channels: 'rgb', mean: 20, scale: 4 })).toEqual([
      [-2.5, -2.25, -2, -1.75, -1.5, -1.25, -1, -0.75],
      [0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75],
      [2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.25],
    ]);
  });

  it('of a smaller image are at the top left, and the rest is black', () => {
    const black = Array<number>(12).fill(-4);
    expect(planesOf({ channels: 'rgb', mean: 8, scale: 2 }, { widthPx: 6, heightPx: 4 })).toEqual([
      [1, 1.5, 2, 2.5, -4, -4, 3, 3.5, 4, 4.5, -4, -4, ...black],
      [6, 6.5, 7, 7.5, -4, -4, 8, 8.5, 9, 9.5, -4, -4, ...black],
      [11, 11.5, 12, 12.5, -4, -4, 13, 13.5, 14, 14.5, -4, -4, ...black],
    ]);
  });

  it('of an image that begins anywhere in its memory', () => {
    const bytes = new Uint8Array(3 * 8 + 1);
    bytes.set(image.data, 1);
    const moved = { ...image, data: bytes.subarray(1) };
    const size = { widthPx: 4, heightPx: 2 };
    expect(planesOf({ channels: 'rgb', ...plain }, size, moved)).toEqual([RED, GREEN, BLUE]);
  });
});
