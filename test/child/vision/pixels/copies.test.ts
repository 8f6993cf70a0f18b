import { describe, expect, it } from 'vitest';
import { createCopies } from '../../../../src/child/vision/pixels/copies.js';
import type { RgbImage } from '../../../../src/child/vision/pixels/rgb-image.js';

/** Brighter from left to right, and greener from top to bottom. */
function ramp(widthPx: number, heightPx: number, step: number): RgbImage {
  const data = new Uint8Array(3 * widthPx * heightPx);
  for (let y = 0; y < heightPx; y += 1) {
    for (let x = 0; x < widthPx; x += 1) data.set([step * x, step * y, 50], 3 * (y * widthPx + x));
  }
  return { data, widthPx, heightPx };
}

const scaled = (scale: number, tx = 0, ty = 0) => ({ a: scale, b: 0, tx, ty });

describe('the copy for a cutout', () => {
  it.each([
    [0.5, 80],
    [1, 80],
    [1.9, 80],
    [2, 40],
    [3.9, 40],
    [4, 20],
    [1e9, 2],
  ])('that shrinks the image by %s is %s pixels wide', (scale, widthPx) => {
    expect(createCopies(ramp(80, 60, 1)).best(scaled(scale)).copy.widthPx).toBe(widthPx);
  });

  it('is the small copy, or a half of it, if that is large enough', () => {
    const [image, small] = [ramp(120, 90, 2), ramp(80, 60, 3)];
    const copies = createCopies(image, small);
    expect(copies.best(scaled(1.4)).copy).toBe(image);
    expect(copies.best(scaled(1.5)).copy).toBe(small);
    expect(copies.best(scaled(3)).copy.widthPx).toBe(40);
  });

  it('shows the same place at the same point of the cutout', () => {
    // The middle of the pixel (20, 12) of the image is a quarter of a pixel before (10, 6) of the half.
    const { toCopy } = createCopies(ramp(80, 60, 1)).best({ a: 0, b: 2, tx: 20, ty: 12 });
    expect(toCopy).toEqual({ a: 0, b: 1, tx: 9.75, ty: 5.75 });
  });
});
