import { describe, expect, it } from 'vitest';
import type { RgbImage } from '../../../../src/child/vision/pixels/rgb-image.js';
import { halve, shrink } from '../../../../src/child/vision/pixels/resample.js';

function imageOf(
  widthPx: number,
  heightPx: number,
  colourAt: (x: number, y: number) => readonly number[],
): RgbImage {
  const data = new Uint8Array(3 * widthPx * heightPx);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) data.set(colourAt(x, y), 3 * (y * widthPx + x));
  }
  return { data, widthPx, heightPx };
}

/** Black and white pixels in turns. */
const board = (widthPx: number, heightPx: number): RgbImage =>
  imageOf(widthPx, heightPx, (x, y) => Array<number>(3).fill(255 * ((x + y) % 2)));

/** Any colours, the same in each run. */
const colourful = (widthPx: number, heightPx: number): RgbImage =>
  imageOf(widthPx, heightPx, (x, y) => [
    (x * 89 + y * 31) % 256,
    (x * y * 7) % 256,
    (x * 13 + y * 197) % 256,
  ]);

/** The two pixels next to a place in one direction, and their weights. */
function neighboursOf(at: number, last: number): readonly (readonly [pixel: number, weight: number])[] {
  const inside = Math.min(last, Math.max(0, at));
  const first = Math.floor(inside);
  return [
    [first, 1 - (inside - first)],
    [Math.min(last, first + 1), inside - first],
  ];
}

/** The colour at a point between pixels, whose middles have whole coordinates. */
function mixAt({ data, widthPx, heightPx }: RgbImage, x: number, y: number, channel: number): number {
  let sum = 0;
  for (const [row, rowWeight] of neighboursOf(y, heightPx - 1)) {
    for (const [column, weight] of neighboursOf(x, widthPx - 1)) {
      sum += rowWeight * weight * (data[3 * (row * widthPx + column) + channel] as number);
    }
  }
  return sum;
}

describe('a shrunk image', () => {
  it('is the image itself if that is small enough', () => {
    const image = board(64, 32);
    expect(shrink(image, 64)).toBe(image);
  });

  it.each([
    ['a photo', 300, 200, 240, 160],
    ['a photo held upright', 200, 300, 160, 240],
    ['a photo of odd size', 301, 199, 240, 159],
    ['a photo of twice the size', 480, 320, 240, 160],
    ['a single row', 300, 1, 240, 1],
    ['a single column', 1, 300, 1, 240],
    ['a photo with rows that are larger than the memory of the kernel', 150_000, 2, 120_000, 2],
  ])('mixes the four nearest pixels: %s', (_, widthPx, heightPx, smallWidthPx, smallHeightPx) => {
    const image = colourful(widthPx, heightPx);
    const small = shrink(image, Math.max(smallWidthPx, smallHeightPx));
    expect([small.widthPx, small.heightPx]).toEqual([smallWidthPx, smallHeightPx]);
    expect(small.data).toHaveLength(3 * smallWidthPx * smallHeightPx);
    const [stepX, stepY] = [widthPx / smallWidthPx, heightPx / smallHeightPx];
    let largest = 0;
    for (let i = 0; i < small.data.length; i += 1) {
      const pixel = Math.floor(i / 3);
      const [x, y] = [pixel % smallWidthPx, Math.floor(pixel / smallWidthPx)];
      const wanted = mixAt(image, (x + 0.5) * stepX - 0.5, (y + 0.5) * stepY - 0.5, i % 3);
      largest = Math.max(largest, Math.abs((small.data[i] as number) - wanted));
    }
    // Weights are whole 128ths.
    expect(largest).toBeLessThan(2.5);
  });

  it('skips no pixel, however large the image is', () => {
    const small = shrink(board(1000, 700), 100);
    expect([small.widthPx, small.heightPx]).toEqual([100, 70]);
    for (const value of small.data) expect(Math.abs(value - 127.5)).toBeLessThan(1);
  });

  it('shows each place where it was', () => {
    // Brighter from left to right, and greener from top to bottom.
    const small = shrink(
      imageOf(250, 170, (x, y) => [x, y, 50]),
      25,
    );
    expect([...small.data.subarray(0, 3)]).toEqual([5, 5, 50]);
    const last = [...small.data.subarray(-3)];
    expect(Math.abs((last[0] as number) - 244.5)).toBeLessThan(1.5);
    expect(Math.abs((last[1] as number) - 164.5)).toBeLessThan(1.5);
  });

  it('has at least one pixel per side', () => {
    const small = shrink(board(1000, 1), 100);
    expect([small.widthPx, small.heightPx]).toEqual([100, 1]);
  });
});

describe('half of an image', () => {
  it('has the mean of four pixels in each pixel, without an odd last row and column', () => {
    const half = halve(imageOf(9, 7, (x, y) => [10 * x, 10 * y, 50]));
    expect([half.widthPx, half.heightPx]).toEqual([4, 3]);
    expect([...half.data.subarray(0, 6)]).toEqual([5, 5, 50, 25, 5, 50]);
  });

  it('of one pixel has that pixel', () => {
    expect([...halve(imageOf(3, 3, () => [255, 1, 0])).data]).toEqual([255, 1, 0]);
  });
});
