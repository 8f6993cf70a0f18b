import { describe, expect, it } from 'vitest';
import { type PixelEncoding, writePlanes } from '../../../src/child/vision/pixels.js';

/** Two rows of three pixels, counted in reading order: red from 10, green from 20, blue from 30. */
const image = {
  widthPx: 3,
  heightPx: 2,
  data: Uint8Array.from([0, 1, 2, 3, 4, 5].flatMap((i) => [10 + i, 20 + i, 30 + i])),
};
const RED = [10, 11, 12, 13, 14, 15];
const GREEN = [20, 21, 22, 23, 24, 25];
const BLUE = [30, 31, 32, 33, 34, 35];

/** The three planes, in rows; what was not written is -7. */
function planesOf(encoding: PixelEncoding, size = { widthPx: 3, heightPx: 2 }): number[][] {
  const area = size.widthPx * size.heightPx;
  const target = new Float32Array(3 * area).fill(-7);
  writePlanes(image, target, size, encoding);
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
      [-2.5, -2.25, -2, -1.75, -1.5, -1.25],
      [0, 0.25, 0.5, 0.75, 1, 1.25],
      [2.5, 2.75, 3, 3.25, 3.5, 3.75],
    ]);
  });

  it('of a smaller image are at the top left, and the other values stay unchanged', () => {
    expect(planesOf({ channels: 'rgb', ...plain }, { widthPx: 4, heightPx: 3 })).toEqual([
      [10, 11, 12, -7, 13, 14, 15, -7, -7, -7, -7, -7],
      [20, 21, 22, -7, 23, 24, 25, -7, -7, -7, -7, -7],
      [30, 31, 32, -7, 33, 34, 35, -7, -7, -7, -7, -7],
    ]);
  });
});
