import { beforeEach, describe, expect, it, vi } from 'vitest';
import { type PixelEncoding, withInput } from '../../../../src/child/vision/pixels/network-input.js';
import type { RgbImage } from '../../../../src/child/vision/pixels/rgb-image.js';

/** Pixels counted in reading order: red from 10, green from 20, blue from 30. */
function imageOf(widthPx: number, heightPx: number): RgbImage {
  const pixels = Array.from({ length: widthPx * heightPx }, (_, i) => [10 + i, 20 + i, 30 + i]);
  return { widthPx, heightPx, data: Uint8Array.from(pixels.flat()) };
}
const range = (first: number, length: number): number[] => Array.from({ length }, (_, i) => first + i);

const image = imageOf(4, 2);
const RED = range(10, 8);
const GREEN = range(20, 8);
const BLUE = range(30, 8);
const PLAIN: PixelEncoding = { channels: 'rgb', mean: 0, scale: 1 };

/** The values of an input, after its memory was used for other ones. */
async function inputOf(
  images: readonly RgbImage[],
  encoding: PixelEncoding,
  size: { readonly widthPx: number; readonly heightPx: number } = image,
): Promise<number[]> {
  await withInput(images, size, encoding, (input) => Promise.resolve(input.fill(-7)));
  return withInput(images, size, encoding, (input) => Promise.resolve([...input]));
}

describe('the input of a network', () => {
  it('has planes of red, then green, then blue', async () => {
    expect(await inputOf([image], PLAIN)).toEqual([...RED, ...GREEN, ...BLUE]);
  });

  it('or of blue, then green, then red', async () => {
    expect(await inputOf([image], { ...PLAIN, channels: 'bgr' })).toEqual([...BLUE, ...GREEN, ...RED]);
  });

  it('has the values minus the mean, divided by the scale', async () => {
    const values = await inputOf([image], { channels: 'rgb', mean: 20, scale: 4 });
    expect(values).toEqual([...RED, ...GREEN, ...BLUE].map((value) => (value - 20) / 4));
  });

  it('has a smaller image at the top left, and the rest is black', async () => {
    const values = await inputOf(
      [image],
      { channels: 'rgb', mean: 8, scale: 2 },
      { widthPx: 8, heightPx: 3 },
    );
    const expected = [RED, GREEN, BLUE].flatMap((plane) => [
      ...plane.slice(0, 4),
      ...Array<number>(4).fill(0),
      ...plane.slice(4),
      ...Array<number>(12).fill(0),
    ]);
    expect(values).toEqual(expected.map((value) => (value - 8) / 2));
  });

  it('has a lower image at the top, and the rest is black', async () => {
    const values = await inputOf([image], PLAIN, { widthPx: 4, heightPx: 3 });
    expect(values).toEqual([...RED, 0, 0, 0, 0, ...GREEN, 0, 0, 0, 0, ...BLUE, 0, 0, 0, 0]);
  });

  it('has several images one after the other', async () => {
    const other = { ...image, data: image.data.map((value) => value + 100) };
    const values = await inputOf([image, other], PLAIN);
    const plus100 = [...RED, ...GREEN, ...BLUE].map((value) => value + 100);
    expect(values).toEqual([...RED, ...GREEN, ...BLUE, ...plus100]);
  });

  it('has every pixel of a large image that begins anywhere in its memory', async () => {
    const [widthPx, heightPx] = [960, 641];
    const bytes = new Uint8Array(3 * widthPx * heightPx + 1).map((_, i) => (i * 37) % 251);
    const large = { widthPx, heightPx, data: bytes.subarray(1) };
    const isRight = await withInput([large], large, PLAIN, (input) =>
      Promise.resolve(
        input.every((value, i) => {
          const [plane, pixel] = [Math.floor(i / (widthPx * heightPx)), i % (widthPx * heightPx)];
          return value === large.data[3 * pixel + plane];
        }),
      ),
    );
    expect(isRight).toBe(true);
  });

  it.each([6, 16_388])('cannot be %i pixels wide', async (widthPx) => {
    const work = withInput([], { widthPx, heightPx: 1 }, PLAIN, () => Promise.resolve());
    await expect(work).rejects.toThrow(`Cannot write an input that is ${widthPx} pixels wide`);
  });
});

const black = (widthPx: number, heightPx: number): RgbImage => ({
  widthPx,
  heightPx,
  data: new Uint8Array(3 * widthPx * heightPx),
});
describe('the memory of an input', () => {
  let lend: <T>(of: RgbImage, work: (input: Float32Array) => T | Promise<T>) => Promise<T>;
  beforeEach(async () => {
    // No memory is kept yet.
    vi.resetModules();
    const fresh = await import('../../../../src/child/vision/pixels/network-input.js');
    lend = (of, work) => fresh.withInput([of], of, PLAIN, async (input) => work(input));
  });

  it('is used again, also for a smaller input, which has its own length', async () => {
    const first = await lend(black(64, 64), (input) => input.buffer);
    const second = await lend(black(32, 64), (input) => input);
    expect(second.buffer === first).toBe(true);
    expect(second).toHaveLength(3 * 32 * 64);
  });

  it('is its own while it is in use', async () => {
    await lend(black(8, 8), async (outer) => {
      outer.fill(1);
      await lend(black(8, 8), (inner) => inner.fill(2));
      expect(outer.every((value) => value === 1)).toBe(true);
    });
  });

  it('is used again for as many inputs as were in use at once', async () => {
    const lendThree = (): Promise<readonly ArrayBufferLike[]> =>
      lend(black(64, 64), (first) =>
        lend(black(64, 64), (second) =>
          lend(black(64, 64), (third) => [first.buffer, second.buffer, third.buffer]),
        ),
      );
    const buffers = await lendThree();
    const again = await lendThree();
    expect(new Set([...buffers, ...again]).size).toBe(3);
    // A larger one takes the place of a smaller one.
    const large = await lend(black(128, 64), (input) => input.buffer);
    const mixed = await lendThree();
    expect(mixed.filter((buffer) => buffer === large)).toHaveLength(1);
    expect(new Set([...buffers, ...mixed]).size).toBe(4);
  });

  it('is used again after a failure', async () => {
    let buffer: ArrayBufferLike | undefined;
    const failure = lend(black(128, 128), (input) => {
      buffer = input.buffer;
      throw new Error('The run failed');
    });
    await expect(failure).rejects.toThrow('The run failed');
    expect(await lend(black(128, 128), (input) => input.buffer === buffer)).toBe(true);
  });

  it('is not kept for a very large input', async () => {
    const large = black(960, 964);
    const first = await lend(large, (input) => input.buffer);
    expect(await lend(large, (input) => input.buffer === first)).toBe(false);
  });
});
