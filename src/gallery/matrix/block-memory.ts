import { BLOCK_ROWS, createDotKernel, LANES } from './dot-kernel.js';
import { MAX_PAGES } from './wasm-module.js';

const PAGE_BYTES = 65_536;

// Growing by an eighth bounds the unused memory, and the copying in an engine that cannot grow a memory in place.
const GROWTH = 9 / 8;

/** Where a row is: the first byte of its planes, and the indices of its factors among all float32. */
export interface RowPlace {
  readonly leading: number;
  readonly trailing: number;
  readonly perLength: number;
  readonly slack: number;
}

/**
 * The kernel's memory: a probe, the dots of one block, then blocks of BLOCK_ROWS rows, of each
 * - leading bytes uint8 [BLOCK_ROWS, rowBytes],
 * - trailing bytes uint8 [BLOCK_ROWS, rowBytes],
 * - 1 / length, then slack, float32 [BLOCK_ROWS] each.
 *
 * V8 reserves the addresses up to the maximum, so a memory grows in place, without a copy. Pages that were never
 * written use no RAM.
 */
export interface BlockMemory {
  readonly rowBytes: number;
  /** Number of rows that fit. */
  readonly capacity: number;
  /** Views of the whole memory. `grow` replaces them. */
  readonly bytes: Uint8Array;
  readonly floats: Float32Array;
  /** Dot products that `scan` has written: [BLOCK_ROWS]. */
  readonly dots: Int32Array;
  placeOf(row: number): RowPlace;
  /** Least memory for this many rows. */
  bytesFor(rows: number): number;
  /**
   * Makes room for this many rows, and for some more if possible.
   *
   * @throws {RangeError} they take more than 4 GiB, or more than the machine has
   */
  grow(rows: number): void;
  /** @param fixed in the kernel's order: [rowBytes] */
  setProbe(fixed: Int16Array): void;
  /** Compares the probe with the leading bytes of one block, into `dots`. */
  scan(block: number): void;
  /** A copy of the first rows in a new memory without spare room. */
  copy(rows: number): BlockMemory;
}

/** @throws {RangeError} the rows take more than 4 GiB, or more than the machine has */
export function createBlockMemory(embeddingSize: number, rows: number): BlockMemory {
  const rowBytes = LANES * Math.ceil(embeddingSize / LANES);
  const planeBytes = BLOCK_ROWS * rowBytes;
  const blockBytes = 2 * planeBytes + 2 * BLOCK_ROWS * Float32Array.BYTES_PER_ELEMENT;
  const dotsAddress = rowBytes * Int16Array.BYTES_PER_ELEMENT;
  const firstBlock = dotsAddress + BLOCK_ROWS * Int32Array.BYTES_PER_ELEMENT;

  const toPages = (count: number): number => {
    const pages = Math.ceil((firstBlock + Math.ceil(count / BLOCK_ROWS) * blockBytes) / PAGE_BYTES);
    if (pages > MAX_PAGES) throw new RangeError(`Cannot hold ${count} faces: they take more than 4 GiB`);
    return pages;
  };
  const addressOf = (block: number): number => firstBlock + block * blockBytes;

  const memory = new WebAssembly.Memory({ initial: toPages(rows), maximum: MAX_PAGES });
  const kernel = createDotKernel(memory, rowBytes);
  const viewMemory = () => ({
    bytes: new Uint8Array(memory.buffer),
    floats: new Float32Array(memory.buffer),
    dots: new Int32Array(memory.buffer, dotsAddress, BLOCK_ROWS),
  });
  let views = viewMemory();

  return {
    rowBytes,
    get capacity() {
      return BLOCK_ROWS * Math.floor((views.bytes.length - firstBlock) / blockBytes);
    },
    get bytes() {
      return views.bytes;
    },
    get floats() {
      return views.floats;
    },
    get dots() {
      return views.dots;
    },
    placeOf: (row) => {
      const index = row % BLOCK_ROWS;
      const address = addressOf((row - index) / BLOCK_ROWS);
      const leading = address + index * rowBytes;
      const perLength = (address + 2 * planeBytes) / Float32Array.BYTES_PER_ELEMENT + index;
      return { leading, trailing: leading + planeBytes, perLength, slack: perLength + BLOCK_ROWS };
    },
    bytesFor: (count) => toPages(count) * PAGE_BYTES,
    grow: (count) => {
      const pages = views.bytes.length / PAGE_BYTES;
      const wanted = Math.max(toPages(count), Math.min(MAX_PAGES, Math.ceil(pages * GROWTH)));
      memory.grow(wanted - pages);
      views = viewMemory();
    },
    setProbe: (fixed) => {
      new Int16Array(memory.buffer, 0, rowBytes).set(fixed);
    },
    scan: (block) => kernel(addressOf(block), 0, dotsAddress),
    copy: (count) => {
      const copied = createBlockMemory(embeddingSize, count);
      copied.bytes.set(views.bytes.subarray(0, copied.bytes.length));
      return copied;
    },
  };
}
