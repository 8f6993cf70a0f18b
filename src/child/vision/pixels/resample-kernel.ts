import { advance, get, i16x8, i32, i32x4, i8x16, loopWhile, set } from '../../../shared/wasm/wasm-code.js';
import { encodeModule } from '../../../shared/wasm/wasm-module.js';
import { loadNeighbours } from './cut-kernel.js';

/** The two weights of a pixel in one direction add up to 2^WEIGHT_BITS, so that a weighted pixel fits into 16 bits. */
export const WEIGHT_BITS = 7;
/** Of a column: see `columns`. */
export const COLUMN_BYTES = 8;

/**
 * Writes one row of a resampled image: each pixel is a mix of four. Addresses are bytes in the kernel's memory.
 *
 * @param upper uint8 [width, 3], with at least 5 bytes after it
 * @param lower the same for the row below
 * @param upperWeight 0 to 2^WEIGHT_BITS
 * @param lowerWeight the rest
 * @param columns int32 [target width, 2]: the left pixel's place in its row in bytes, and the weights of it (lower half) and
 *   of the pixel to its right (upper half)
 * @param target uint8 [target width, 3], written, and one byte after it
 * @param targetEnd
 */
export type ResampleKernel = (
  ...values: readonly [
    upper: number,
    lower: number,
    upperWeight: number,
    lowerWeight: number,
    columns: number,
    target: number,
    targetEnd: number,
  ]
) => void;

export function createResampleKernel(memory: WebAssembly.Memory): ResampleKernel {
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  return exports['resample'] as ResampleKernel;
}

const [upper, lower, upperWeight, lowerWeight, column, target, targetEnd] = [0, 1, 2, 3, 4, 5, 6];
const place = 7;
const [upperWeights, lowerWeights, mixed] = [8, 9, 10];

/** The lowest bytes of 32-bit integers. */
const LOWEST = [0, 4, 8, ...Array<number>(13).fill(255)];

const weighted = (row: number, weights: number) =>
  i16x8.multiply(loadNeighbours(i32.add(get(row), get(place))), get(weights));

const module = new WebAssembly.Module(
  encodeModule({
    name: 'resample',
    parameters: 7,
    i32Locals: 1,
    v128Locals: 3,
    body: [
      ...set(upperWeights, i16x8.splat(get(upperWeight))),
      ...set(lowerWeights, i16x8.splat(get(lowerWeight))),
      ...loopWhile(
        i32.lessThanUnsigned(get(target), get(targetEnd)),
        set(place, i32.load(get(column), 0)),
        set(mixed, i16x8.add(weighted(upper, upperWeights), weighted(lower, lowerWeights))),
        set(mixed, i32x4.dotI16x8(get(mixed), i32x4.splat(i32.load(get(column), 4)))),
        // Half of the divisor, so that the shift rounds.
        set(mixed, i32x4.add(get(mixed), i32x4.splat(i32.const(2 ** (2 * WEIGHT_BITS - 1))))),
        set(mixed, i32x4.shiftRightUnsigned(get(mixed), i32.const(2 * WEIGHT_BITS))),
        // The next pixel overwrites the fourth byte.
        i32.store(get(target), 0, i32x4.extractLane(i8x16.pick(get(mixed), LOWEST), 0)),
        advance(target, 3),
        advance(column, COLUMN_BYTES),
      ),
    ],
  }),
);
