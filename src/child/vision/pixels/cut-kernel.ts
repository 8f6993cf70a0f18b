import {
  advance,
  type Code,
  get,
  i16x8,
  i32,
  i32x4,
  i8x16,
  loopWhile,
  select,
  set,
  v128,
} from '../../../shared/wasm/wasm-code.js';
import { encodeModule } from '../../../shared/wasm/wasm-module.js';

/** Coordinates and steps are integers: pixels times 2^16. */
export const COORDINATE_BITS = 16;
/** The four weights of a sample add up to 2^WEIGHT_BITS. */
export const WEIGHT_BITS = 14;

/**
 * Samples an image at the points of a grid. Addresses are bytes in the kernel's memory.
 *
 * @param source uint8 [height, width, 3], with at least 2 bytes after it
 * @param stride bytes of a row of the source
 * @param maxX the largest column that has a column to its right, as a coordinate; points beyond it count as on it
 * @param maxY the same for rows
 * @param x column of the first point
 * @param y row of the first point
 * @param columnX step to the next point of a row
 * @param columnY
 * @param rowX step from the last point of a row to the first one of the next row
 * @param rowY
 * @param offsets int32 [samples, 2]: x and y of each sample relative to its point
 * @param offsetsEnd
 * @param target uint8 [size, size, 3], written, and one byte after it
 * @param targetRow bytes of a row of the target
 * @param targetEnd
 * @param shift WEIGHT_BITS + log2(samples)
 */
export type CutKernel = (
  ...values: readonly [
    source: number,
    stride: number,
    maxX: number,
    maxY: number,
    x: number,
    y: number,
    columnX: number,
    columnY: number,
    rowX: number,
    rowY: number,
    offsets: number,
    offsetsEnd: number,
    target: number,
    targetRow: number,
    targetEnd: number,
    shift: number,
  ]
) => void;

export function createCutKernel(memory: WebAssembly.Memory): CutKernel {
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  return exports['cut'] as CutKernel;
}

const [source, stride, maxX, maxY, x, y, columnX, columnY] = [0, 1, 2, 3, 4, 5, 6, 7];
const [rowX, rowY, offsets, offsetsEnd, target, targetRow, targetEnd, shift] = [8, 9, 10, 11, 12, 13, 14, 15];
const [offset, rowEnd, sampleX, sampleY, right, bottom, upper, lower, corner] = [
  16, 17, 18, 19, 20, 21, 22, 23, 24,
];
const sum = 25;

const shifted = (value: Code, bits: number): Code => i32.shiftRight(value, i32.const(bits));

/** Places a sample's coordinate within 0..max. */
const limited = (local: number, max: number): Code => [
  ...set(local, select(i32.greaterThan(get(local), i32.const(0)), get(local), i32.const(0))),
  ...set(local, select(i32.lessThan(get(local), get(max)), get(local), get(max))),
];

/** The fraction of a coordinate, times 2^WEIGHT_BITS. */
const fractionOf = (local: number): Code =>
  i32.and(shifted(get(local), COORDINATE_BITS - WEIGHT_BITS), i32.const(2 ** WEIGHT_BITS - 1));

/** Weights of two neighbours in a row, as 16-bit halves. */
const pair = (left: Code, rightWeight: Code): Code =>
  i32x4.splat(i32.or(left, i32.shiftLeft(rightWeight, i32.const(16))));

/** From RGBRGB to 16-bit RR GG BB. */
const NEIGHBOURS = [0, 255, 3, 255, 1, 255, 4, 255, 2, 255, 5, 255, 255, 255, 255, 255];
/** A pixel and the one to its right, as 16-bit pairs of a channel. Reads two bytes more. */
export const loadNeighbours = (address: Code): Code => i8x16.pick(v128.loadHalf(address, 0), NEIGHBOURS);
const weighted = (address: number, weights: Code): Code =>
  i32x4.dotI16x8(loadNeighbours(get(address)), weights);

const addSample: Code = [
  ...set(sampleX, i32.add(get(x), i32.load(get(offset), 0))),
  ...set(sampleY, i32.add(get(y), i32.load(get(offset), 4))),
  ...limited(sampleX, maxX),
  ...limited(sampleY, maxY),
  ...set(
    upper,
    i32.add(
      i32.add(get(source), i32.multiply(shifted(get(sampleY), COORDINATE_BITS), get(stride))),
      i32.multiply(shifted(get(sampleX), COORDINATE_BITS), i32.const(3)),
    ),
  ),
  ...set(lower, i32.add(get(upper), get(stride))),
  ...set(right, fractionOf(sampleX)),
  ...set(bottom, fractionOf(sampleY)),
  // The weight of the lower right pixel; rounding down keeps the other three positive.
  ...set(corner, shifted(i32.multiply(get(right), get(bottom)), WEIGHT_BITS)),
  ...set(
    sum,
    i32x4.add(
      get(sum),
      i32x4.add(
        weighted(
          upper,
          pair(
            i32.add(
              i32.subtract(i32.subtract(i32.const(2 ** WEIGHT_BITS), get(right)), get(bottom)),
              get(corner),
            ),
            i32.subtract(get(right), get(corner)),
          ),
        ),
        weighted(lower, pair(i32.subtract(get(bottom), get(corner)), get(corner))),
      ),
    ),
  ),
  ...advance(offset, 8),
];

const writePixel: Code = [
  ...set(sum, i32x4.shiftRightUnsigned(get(sum), get(shift))),
  ...set(sum, i16x8.narrow(get(sum), get(sum))),
  // The fourth byte is overwritten by the next pixel.
  ...i32.store(get(target), 0, i32x4.extractLane(i8x16.narrow(get(sum), get(sum)), 0)),
  ...advance(target, 3),
];

const module = new WebAssembly.Module(
  encodeModule({
    name: 'cut',
    parameters: 16,
    i32Locals: 9,
    v128Locals: 1,
    body: loopWhile(
      i32.lessThanUnsigned(get(target), get(targetEnd)),
      set(rowEnd, i32.add(get(target), get(targetRow))),
      loopWhile(
        i32.lessThanUnsigned(get(target), get(rowEnd)),
        // Half of the divisor, so that the shift rounds.
        set(sum, i32x4.splat(i32.shiftLeft(i32.const(1), i32.subtract(get(shift), i32.const(1))))),
        set(offset, get(offsets)),
        loopWhile(i32.lessThanUnsigned(get(offset), get(offsetsEnd)), addSample),
        writePixel,
        set(x, i32.add(get(x), get(columnX))),
        set(y, i32.add(get(y), get(columnY))),
      ),
      set(x, i32.add(get(x), get(rowX))),
      set(y, i32.add(get(y), get(rowY))),
    ),
  }),
);
