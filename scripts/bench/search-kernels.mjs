import { BLOCK_ROWS } from '../../dist/gallery/matrix/dot-kernel.js';
import {
  advance,
  binarySimd,
  get,
  i32,
  i32x4,
  loopWhile,
  set,
  simd,
  unsigned,
  v128,
} from '../../dist/shared/wasm/wasm-code.js';
import { encodeModule } from '../../dist/shared/wasm/wasm-module.js';

// As in src/gallery/matrix/dot-kernel.ts, so that only the arithmetic differs.
const STREAMS = 8;
const STREAM_ROWS = BLOCK_ROWS / STREAMS;
const VECTOR_BYTES = 16;

const DOT_BYTES = 4;

const i64x2 = { add: binarySimd(0xce) };
const f32x4 = {
  add: binarySimd(0xe4),
  multiply: binarySimd(0xe6),
  /** @type {(value: Code, lane: number) => Code} */
  extractLane: (value, lane) => [...value, ...simd(0x1f, lane)],
};
const f32 = {
  /** @type {(left: Code, right: Code) => Code} */
  add: (left, right) => [...left, ...right, 0x92],
  /** @type {(address: Code, offset: number, value: Code) => Code} */
  store: (address, offset, value) => [...address, ...value, 0x38, 2, ...unsigned(offset)],
};

/** @typedef {import('../../dist/shared/wasm/wasm-code.js').Code} Code */

/** A function over one block of rows, like the product's. @typedef {import('../../dist/gallery/matrix/dot-kernel.js').DotKernel} DotKernel */

/** Dot products of float32 rows with a float32 probe, written as float32. */
export const createFloatKernel = kernelOf({
  addTo: (sum, row, probe) => f32x4.add(sum, f32x4.multiply(row, probe)),
  store: (address, offset, sum) => {
    const lanes = [0, 1, 2, 3].map((lane) => f32x4.extractLane(sum, lane));
    return f32.store(
      address,
      offset,
      lanes.reduce((left, right) => f32.add(left, right)),
    );
  },
});

/** Only adds up all bytes of a block: a lower bound for the time of any kernel. Its output has no meaning. */
export const createSumKernel = kernelOf({
  addTo: (sum, row) => i64x2.add(sum, row),
  store: (address, offset, sum) => i32.store(address, offset, i32x4.extractLane(sum, 0)),
});

/** @param {{ addTo: (sum: Code, row: Code, probe: Code) => Code, store: (address: Code, offset: number, sum: Code) => Code }} arithmetic */
function kernelOf({ addTo, store }) {
  /**
   * @param {WebAssembly.Memory} memory
   * @param {number} rowBytes a multiple of 16
   */
  return (memory, rowBytes) => {
    const [row, probe, dots, component, rowEnd, lastDot, loaded] = [0, 1, 2, 3, 4, 5, 6];
    const sums = Array.from({ length: STREAMS }, (_, stream) => 7 + stream);

    const oneRowOfEachStream = [
      ...sums.map((sum) => set(sum, v128.const(Array(16).fill(0)))),
      set(component, get(probe)),
      set(rowEnd, i32.add(get(row), i32.const(rowBytes))),
      loopWhile(
        i32.lessThanUnsigned(get(row), get(rowEnd)),
        set(loaded, v128.load(get(component), 0)),
        ...sums.map((sum, stream) =>
          set(sum, addTo(get(sum), v128.load(get(row), stream * STREAM_ROWS * rowBytes), get(loaded))),
        ),
        advance(component, VECTOR_BYTES),
        advance(row, VECTOR_BYTES),
      ),
      ...sums.map((sum, stream) => store(get(dots), DOT_BYTES * stream * STREAM_ROWS, get(sum))),
      advance(dots, DOT_BYTES),
    ];
    const binary = encodeModule({
      name: 'dots',
      parameters: 3,
      i32Locals: 3,
      v128Locals: 1 + STREAMS,
      body: [
        ...set(lastDot, i32.add(get(dots), i32.const(DOT_BYTES * STREAM_ROWS))),
        ...loopWhile(i32.lessThanUnsigned(get(dots), get(lastDot)), ...oneRowOfEachStream),
      ],
    });
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(binary), { host: { memory } });
    return /** @type {DotKernel} */ (exports['dots']);
  };
}
