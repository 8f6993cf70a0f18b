import { growTo, MAX_IMAGE_PAGES } from '../../../shared/wasm/wasm-module.js';
import type { Copies, Similarity } from './copies.js';
import { COORDINATE_BITS, createCutKernel, WEIGHT_BITS } from './cut-kernel.js';
import type { RgbImage } from './rgb-image.js';

/** Farther points and steps are not needed: they lie outside all images. They would overflow in the kernel. */
const MAX_START = 2 ** 29;
const MAX_STEP = 2 ** 22;

// The kernel's memory: the offsets of at most 16 samples, the cutout, then the part of the image that it shows.
const OFFSETS = 0;
const TARGET = 16 * 2 * Int32Array.BYTES_PER_ELEMENT;
/** Enough for nearly all faces, since their copy has at most two pixels for each pixel of the cutout. */
const INITIAL_PAGES = 16;
/** The kernel reads and writes a few bytes more than it needs. */
const SLACK = 8;

const memory = new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_IMAGE_PAGES });
const cut = createCutKernel(memory);

/** Part of an image with a black border, in pixels of the image. */
interface Part {
  readonly left: number;
  readonly top: number;
  readonly widthPx: number;
  readonly heightPx: number;
}

/**
 * Cuts a square out of an image, black beyond its edges. Averages source pixels when it shrinks, and interpolates
 * bilinearly otherwise. The similarity maps the square to the image.
 *
 * @returns `sizePx` x `sizePx`
 */
export function cutOut(
  copies: Copies,
  similarity: Similarity,
  sizePx: number,
  { mirrored = false }: { readonly mirrored?: boolean } = {},
): RgbImage {
  const { copy, toCopy } = copies.best(similarity);
  const { a, b, tx, ty } = toCopy;
  // A network may return NaN. The kernel would read what is left in its memory: another face.
  if (!Number.isFinite(a + b + tx + ty)) {
    return { data: new Uint8Array(3 * sizePx * sizePx), widthPx: sizePx, heightPx: sizePx };
  }
  const sideBits = sideBitsFor(Math.hypot(a, b));
  const part = partOf(copy, toCopy, sizePx);
  const source = TARGET + 3 * sizePx * sizePx + SLACK;
  copyPart(copy, part, source);
  const samples = writeOffsets(toCopy, sideBits);

  const last = mirrored ? sizePx - 1 : 0;
  const sign = mirrored ? -1 : 1;
  const [columnX, columnY] = [fixed(sign * a, MAX_STEP), fixed(sign * b, MAX_STEP)];
  cut(
    source,
    3 * part.widthPx,
    (part.widthPx - 1) * 2 ** COORDINATE_BITS - 1,
    (part.heightPx - 1) * 2 ** COORDINATE_BITS - 1,
    fixed(tx + a * last - part.left, MAX_START),
    fixed(ty + b * last - part.top, MAX_START),
    columnX,
    columnY,
    fixed(-b, MAX_STEP) - sizePx * columnX,
    fixed(a, MAX_STEP) - sizePx * columnY,
    OFFSETS,
    OFFSETS + 8 * samples,
    TARGET,
    3 * sizePx,
    TARGET + 3 * sizePx * sizePx,
    WEIGHT_BITS + 2 * sideBits,
  );
  const data = new Uint8Array(memory.buffer, TARGET, 3 * sizePx * sizePx).slice();
  return { data, widthPx: sizePx, heightPx: sizePx };
}

/** Samples per side of a pixel, as a power of two. More than four do not improve the result. */
function sideBitsFor(scale: number): number {
  if (scale < 1.5) return 0;
  return scale < 3 ? 1 : 2;
}

/** The part of an image that a cutout shows, with at least one black pixel beyond each edge of the image. */
function partOf({ widthPx, heightPx }: RgbImage, { a, b, tx, ty }: Similarity, sizePx: number): Part {
  const last = sizePx - 1;
  const marginPx = Math.hypot(a, b) + 1;
  const [left, right] = rangeOf([0, a * last, -b * last, (a - b) * last], tx, marginPx, widthPx);
  const [top, bottom] = rangeOf([0, b * last, a * last, (a + b) * last], ty, marginPx, heightPx);
  return { left, top, widthPx: right - left, heightPx: bottom - top };
}

/** @returns the first pixel and the one after the last, within -1..lengthPx + 2 and at least two pixels apart */
function rangeOf(
  corners: readonly number[],
  start: number,
  marginPx: number,
  lengthPx: number,
): readonly [first: number, end: number] {
  const first = limit(Math.floor(start + Math.min(...corners) - marginPx), -1, lengthPx);
  const end = limit(Math.ceil(start + Math.max(...corners) + marginPx) + 2, first + 2, lengthPx + 2);
  return [first, end];
}

/** Copies a part of an image into the kernel's memory. What lies beyond the image is black. */
function copyPart({ data, widthPx, heightPx }: RgbImage, part: Part, address: number): void {
  const stride = 3 * part.widthPx;
  const end = address + stride * part.heightPx;
  growTo(memory, end + SLACK);
  const bytes = new Uint8Array(memory.buffer);
  const [left, right] = [Math.max(0, part.left), Math.min(widthPx, part.left + part.widthPx)];
  const [top, bottom] = [Math.max(0, part.top), Math.min(heightPx, part.top + part.heightPx)];
  if (right - left < part.widthPx || bottom - top < part.heightPx) bytes.fill(0, address, end);
  if (right <= left) return;
  for (let row = top; row < bottom; row += 1) {
    const start = 3 * (row * widthPx + left);
    bytes.set(
      data.subarray(start, start + 3 * (right - left)),
      address + (row - part.top) * stride + 3 * (left - part.left),
    );
  }
}

/** Spreads the samples of a pixel evenly over it. @returns their number */
function writeOffsets({ a, b }: Similarity, sideBits: number): number {
  const perSide = 2 ** sideBits;
  const offsets = new Int32Array(memory.buffer, OFFSETS, 2 * perSide ** 2);
  for (let i = 0; i < perSide ** 2; i += 1) {
    const u = ((i % perSide) + 0.5) / perSide - 0.5;
    const v = (Math.floor(i / perSide) + 0.5) / perSide - 0.5;
    offsets[2 * i] = fixed(a * u - b * v, MAX_STEP);
    offsets[2 * i + 1] = fixed(b * u + a * v, MAX_STEP);
  }
  return perSide ** 2;
}

function fixed(pixels: number, max: number): number {
  return limit(Math.round(pixels * 2 ** COORDINATE_BITS), -max, max);
}

function limit(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
