import {
  advance,
  get,
  i16x8,
  i32,
  i32x4,
  loopWhile,
  set,
  v128,
  type Code,
} from '../../shared/wasm/wasm-code.js';
import { encodeModule } from '../../shared/wasm/wasm-module.js';

/** Rows of one call. */
export const BLOCK_ROWS = 256;
/** Compiled once for each size of a row; a model pack has one size. */
const modules = new Map<number, object>();
/** Bytes (components) of one instruction. Rows are padded to a multiple of it. */
export const LANES = 16;

// Number of places in memory that are read in turn. The processor prefetches each of these streams, which uses more
// of the memory's bandwidth than one stream: see docs/scaling.md.
const STREAMS = 8;
const STREAM_ROWS = BLOCK_ROWS / STREAMS;

/**
 * Dot products of one probe with every row of a block. Addresses are bytes in the kernel's memory.
 *
 * @param rows uint8 [BLOCK_ROWS, rowBytes]
 * @param probe int16 [rowBytes], ordered by `interleave`
 * @param dots int32 [BLOCK_ROWS], written
 */
export type DotKernel = (rows: number, probe: number, dots: number) => void;

/**
 * Integer arithmetic is exact, so every processor computes the same result. Nothing overflows as long as
 * 255 · Σ|probe| < 2^31, which holds for unit vectors of up to 32,768 components scaled by 32767.
 *
 * The code is assembled here because two loops need no toolchain. Every Node for x64 and arm64 supports 128-bit SIMD.
 *
 * @param rowBytes a multiple of LANES
 */
export function createDotKernel(memory: WebAssembly.Memory, rowBytes: number): DotKernel {
  const module = modules.get(rowBytes) ?? new WebAssembly.Module(encodeModule(dotFunction(rowBytes)));
  modules.set(rowBytes, module);
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  return exports['dots'] as DotKernel;
}

/**
 * The order in which the kernel reads a probe: of every sixteen components first those with an even index, then those
 * with an odd one. Bytes with an even index are the lower halves of 16-bit lanes, so a mask and a shift widen them.
 *
 * @param index of a component; @returns its position
 */
export function interleave(index: number): number {
  const lane = index % LANES;
  return index - lane + (lane % 2) * (LANES / 2) + (lane >> 1);
}

function dotFunction(rowBytes: number) {
  const [row, probe, dots, component, rowEnd, lastDot] = [0, 1, 2, 3, 4, 5];
  const [even, odd, bytes] = [6, 7, 8];
  const sums = Array.from({ length: STREAMS }, (_, stream) => 9 + stream);

  const addDots = (sum: number, stream: number): Code => [
    ...set(bytes, v128.load(get(row), stream * STREAM_ROWS * rowBytes)),
    ...set(sum, i32x4.add(get(sum), i32x4.dotI16x8(v128.and(get(bytes), LOW_BYTES), get(even)))),
    ...set(sum, i32x4.add(get(sum), i32x4.dotI16x8(i16x8.shiftRightUnsigned(get(bytes), 8), get(odd)))),
  ];

  const oneRowOfEachStream = [
    ...sums.map((sum) => set(sum, ZERO)),
    set(component, get(probe)),
    set(rowEnd, i32.add(get(row), i32.const(rowBytes))),
    loopWhile(
      i32.lessThanUnsigned(get(row), get(rowEnd)),
      set(even, v128.load(get(component), 0)),
      set(odd, v128.load(get(component), LANES)),
      ...sums.map(addDots),
      advance(component, 2 * LANES),
      advance(row, LANES),
    ),
    ...sums.map((sum, stream) => i32.store(get(dots), 4 * stream * STREAM_ROWS, total(sum))),
    advance(dots, 4),
  ];
  return {
    name: 'dots',
    parameters: 3,
    i32Locals: 3,
    v128Locals: 3 + STREAMS,
    body: [
      ...set(lastDot, i32.add(get(dots), i32.const(4 * STREAM_ROWS))),
      ...loopWhile(i32.lessThanUnsigned(get(dots), get(lastDot)), ...oneRowOfEachStream),
    ],
  };
}

const ZERO = v128.const(Array<number>(16).fill(0));
const LOW_BYTES = v128.const(Array.from({ length: 16 }, (_, i) => (i % 2 === 0 ? 0xff : 0)));

/** The sum of a local's four lanes. */
function total(sum: number): Code {
  return [0, 1, 2, 3]
    .map((lane) => i32x4.extractLane(get(sum), lane))
    .reduce((left, right) => i32.add(left, right));
}
