import { growTo, MAX_IMAGE_PAGES } from '../../../shared/wasm/wasm-module.js';
import { longerSide, type RgbImage } from './rgb-image.js';
import { COLUMN_BYTES, createResampleKernel, WEIGHT_BITS } from './resample-kernel.js';

/** Rows of the result that are computed in one go: their part of the source stays in the processor's cache. */
const BAND_ROWS = 16;
/** The kernel reads and writes a few bytes more than it needs. */
const SLACK = 8;
const ONE = 2 ** WEIGHT_BITS;

// The kernel's memory: the columns, the band of the result, then its part of the source. It fits images of 1,920 pixels.
const memory = new WebAssembly.Memory({ initial: 5, maximum: MAX_IMAGE_PAGES });
const resampleRow = createResampleKernel(memory);

/**
 * A smaller copy of an image.
 *
 * @returns the image itself if its longest side is at most `sidePx`
 */
export function shrink(image: RgbImage, sidePx: number): RgbImage {
  const scale = longerSide(image) / sidePx;
  if (scale <= 1) return image;
  const widthPx = Math.max(1, Math.round(image.widthPx / scale));
  const heightPx = Math.max(1, Math.round(image.heightPx / scale));
  let source = image;
  let factor = 1;
  // A pixel of the result is a mix of four, so it would skip some if more remained.
  while (scale > 2 * factor && Math.min(source.widthPx, source.heightPx) > 1) {
    source = halve(source);
    factor *= 2;
  }
  return resample(
    source,
    placesAlong(source.widthPx, widthPx, image.widthPx / factor / widthPx),
    placesAlong(source.heightPx, heightPx, image.heightPx / factor / heightPx),
  );
}

/** Each pixel is the mean of four. Leaves out an odd last row or column. @param image at least 2 x 2 pixels */
export function halve(image: RgbImage): RgbImage {
  return resample(
    image,
    placesAlong(image.widthPx, Math.floor(image.widthPx / 2), 2),
    placesAlong(image.heightPx, Math.floor(image.heightPx / 2), 2),
  );
}

/** Pixels of the result in one direction: each lies between the pixel `first` of the source and the next one. */
interface Places {
  readonly first: Int32Array;
  /** Weight of the next pixel, 0 to `ONE`. It is 0 for the last pixel of the source. */
  readonly nextWeight: Int32Array;
}

/** @param step pixels of the source from one pixel of the result to the next */
function placesAlong(sourcePx: number, resultPx: number, step: number): Places {
  const [first, nextWeight] = [new Int32Array(resultPx), new Int32Array(resultPx)];
  for (let i = 0; i < resultPx; i += 1) {
    const at = Math.min(sourcePx - 1, Math.max(0, (i + 0.5) * step - 0.5));
    first[i] = Math.floor(at);
    nextWeight[i] = Math.round((at % 1) * ONE);
  }
  return { first, nextWeight };
}

function resample({ data, widthPx: sourcePx }: RgbImage, columns: Places, rows: Places): RgbImage {
  const [widthPx, heightPx] = [columns.first.length, rows.first.length];
  const [sourceStride, stride] = [3 * sourcePx, 3 * widthPx];
  const result = new Uint8Array(stride * heightPx);
  const band = COLUMN_BYTES * widthPx;
  const source = band + BAND_ROWS * stride + SLACK;
  growTo(memory, source);
  writeColumns(columns);
  for (let start = 0; start < heightPx; start += BAND_ROWS) {
    const end = Math.min(heightPx, start + BAND_ROWS);
    const top = rows.first[start] as number;
    const part = data.subarray(sourceStride * top, sourceStride * ((rows.first[end - 1] as number) + 2));
    growTo(memory, source + part.length + SLACK);
    const bytes = new Uint8Array(memory.buffer);
    bytes.set(part, source);
    for (let row = start; row < end; row += 1) {
      const upper = source + sourceStride * ((rows.first[row] as number) - top);
      const weight = rows.nextWeight[row] as number;
      const target = band + stride * (row - start);
      resampleRow(
        upper,
        weight === 0 ? upper : upper + sourceStride,
        ONE - weight,
        weight,
        0,
        target,
        target + stride,
      );
    }
    result.set(bytes.subarray(band, band + stride * (end - start)), stride * start);
  }
  return { data: result, widthPx, heightPx };
}

function writeColumns({ first, nextWeight }: Places): void {
  const words = new Int32Array(memory.buffer, 0, 2 * first.length);
  for (let i = 0; i < first.length; i += 1) {
    const weight = nextWeight[i] as number;
    words[2 * i] = 3 * (first[i] as number);
    words[2 * i + 1] = (ONE - weight) | (weight << 16);
  }
}
