import { PAGE_BYTES } from '../../../shared/wasm/wasm-module.js';
import type { RgbImage } from './rgb-image.js';
import { createPlanesKernel, LANES, type PlanesKernel } from './planes-kernel.js';

/** A photo at the detector's size. Larger inputs are rare, and would keep too much memory. */
const MAX_KEPT_VALUES = 3 * 960 * 960;

// The memory: the encoding, some pixels, then the values.
const ENCODING = 0;
const SOURCE = 16;
/** Pixels that are written in one go: they stay in the processor's cache. */
const CHUNK_PX = 16_384;
const VALUES = PAGE_BYTES;

/** Input encoding of a model: (x - mean) / scale, with x in 0..255. */
export interface PixelEncoding {
  readonly channels: 'rgb' | 'bgr';
  readonly mean: number;
  readonly scale: number;
}

interface InputMemory {
  readonly bytes: Uint8Array;
  readonly values: Float32Array<ArrayBuffer>;
  readonly encoding: Float32Array;
  readonly writePlanes: PlanesKernel;
}

interface Size {
  readonly widthPx: number;
  readonly heightPx: number;
}

/** Smallest first, so that a small input takes a small one. */
const kept: InputMemory[] = [];
let lent = 0;
let mostLent = 0;

/**
 * Lends an input for a network until the work with it ends. Its memory is used again, because the system takes as long to
 * provide new memory as it takes to fill it.
 *
 * @param images each at the top left of its part of the input; the rest of it is black
 * @param size of the input's images; the width is a multiple of 4, and at most 16,384
 * @param work gets float32 NCHW [images, 3, heightPx, widthPx], in the encoding's channel order
 */
export async function withInput<T>(
  images: readonly RgbImage[],
  size: Size,
  encoding: PixelEncoding,
  work: (input: Float32Array) => Promise<T>,
): Promise<T> {
  if (size.widthPx % LANES !== 0 || size.widthPx > CHUNK_PX)
    throw new RangeError(`Cannot write an input that is ${size.widthPx} pixels wide`);
  const valuesPerImage = 3 * size.widthPx * size.heightPx;
  const length = images.length * valuesPerImage;
  const place = kept.findIndex(({ values }) => values.length >= length);
  const [memory = createMemory(length)] = place < 0 ? [] : kept.splice(place, 1);
  lent += 1;
  mostLent = Math.max(mostLent, lent);
  try {
    for (const [i, image] of images.entries()) writeImage(memory, image, i * valuesPerImage, size, encoding);
    return await work(memory.values.subarray(0, length));
  } finally {
    lent -= 1;
    if (memory.values.length <= MAX_KEPT_VALUES) keep(memory);
  }
}

function createMemory(length: number): InputMemory {
  const pages = Math.ceil((VALUES + length * Float32Array.BYTES_PER_ELEMENT) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  return {
    bytes: new Uint8Array(memory.buffer),
    values: new Float32Array(memory.buffer, VALUES, length),
    encoding: new Float32Array(memory.buffer, ENCODING, 2),
    writePlanes: createPlanesKernel(memory),
  };
}

/** Keeps the largest memories, as many as were ever lent at once. */
function keep(memory: InputMemory): void {
  kept.push(memory);
  kept.sort((a, b) => a.values.length - b.values.length);
  if (kept.length + lent > mostLent) kept.shift();
}

/** @param start of the image's values */
function writeImage(
  { bytes, values, encoding, writePlanes }: InputMemory,
  { data, widthPx, heightPx }: RgbImage,
  start: number,
  size: Size,
  { channels, mean, scale }: PixelEncoding,
): void {
  const area = size.widthPx * size.heightPx;
  encoding.set([mean, 1 / scale]);
  const planes = [0, 1, 2].map((plane) => start + plane * area);
  const [red, green, blue] = (channels === 'rgb' ? planes : planes.toReversed()).map(
    (plane) => VALUES + plane * Float32Array.BYTES_PER_ELEMENT,
  ) as [number, number, number];
  const write = (pixel: number, count: number): void => {
    const offset = pixel * Float32Array.BYTES_PER_ELEMENT;
    writePlanes(SOURCE, SOURCE + 3 * count, red + offset, green + offset, blue + offset, ENCODING);
  };

  const pixels = size.widthPx * heightPx;
  if (widthPx === size.widthPx) {
    for (let pixel = 0; pixel < pixels; pixel += CHUNK_PX) {
      const end = Math.min(pixels, pixel + CHUNK_PX);
      bytes.set(data.subarray(3 * pixel, 3 * end), SOURCE);
      write(pixel, end - pixel);
    }
  } else {
    bytes.fill(0, SOURCE, SOURCE + 3 * size.widthPx);
    for (let row = 0; row < heightPx; row += 1) {
      bytes.set(data.subarray(3 * row * widthPx, 3 * (row + 1) * widthPx), SOURCE);
      write(row * size.widthPx, size.widthPx);
    }
  }
  for (const plane of planes) values.fill((0 - mean) / scale, plane + pixels, plane + area);
}
