import { BLOCK_ROWS, createDotKernel, LANES } from './dot-kernel.js';
import { MAX_PAGES, PAGE_BYTES } from '../../shared/wasm/wasm-module.js';

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
 * Pages that were never written use no RAM.
 */
export interface BlockMemory {
  readonly rowBytes: number;
  readonly blocks: number;
  /** Views of the whole memory. */
  readonly bytes: Uint8Array;
  readonly floats: Float32Array;
  /** Dot products that `scan` has written: [BLOCK_ROWS]. */
  readonly dots: Int32Array;
  placeOf(row: number): RowPlace;
  /** @param fixed in the kernel's order: [rowBytes] */
  setProbe(fixed: Int16Array): void;
  /** Compares the probe with the leading bytes of one block, into `dots`. */
  scan(block: number): void;
}

/** Bytes of a row, which is padded for the kernel. */
export function rowBytesOf(embeddingSize: number): number {
  return LANES * Math.ceil(embeddingSize / LANES);
}

/** @returns bytes of one block */
export function blockBytesOf(embeddingSize: number): number {
  return BLOCK_ROWS * (2 * rowBytesOf(embeddingSize) + 2 * Float32Array.BYTES_PER_ELEMENT);
}

/** @throws {RangeError} the rows take more than 4 GiB, or more than the machine has */
export function createBlockMemory(embeddingSize: number, rows: number): BlockMemory {
  const rowBytes = rowBytesOf(embeddingSize);
  const planeBytes = BLOCK_ROWS * rowBytes;
  const blockBytes = blockBytesOf(embeddingSize);
  const blocks = Math.ceil(rows / BLOCK_ROWS);
  const dotsAddress = rowBytes * Int16Array.BYTES_PER_ELEMENT;
  const firstBlock = dotsAddress + BLOCK_ROWS * Int32Array.BYTES_PER_ELEMENT;
  const pages = Math.ceil((firstBlock + blocks * blockBytes) / PAGE_BYTES);
  if (pages > MAX_PAGES) throw new RangeError(`Cannot hold ${rows} faces: they take more than 4 GiB`);
  const addressOf = (block: number): number => firstBlock + block * blockBytes;

  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const kernel = createDotKernel(memory, rowBytes);

  return {
    rowBytes,
    blocks,
    bytes: new Uint8Array(memory.buffer),
    floats: new Float32Array(memory.buffer),
    dots: new Int32Array(memory.buffer, dotsAddress, BLOCK_ROWS),
    placeOf: (row) => {
      const index = row % BLOCK_ROWS;
      const address = addressOf((row - index) / BLOCK_ROWS);
      const leading = address + index * rowBytes;
      const perLength = (address + 2 * planeBytes) / Float32Array.BYTES_PER_ELEMENT + index;
      return { leading, trailing: leading + planeBytes, perLength, slack: perLength + BLOCK_ROWS };
    },
    setProbe: (fixed) => {
      new Int16Array(memory.buffer, 0, rowBytes).set(fixed);
    },
    scan: (block) => kernel(addressOf(block), 0, dotsAddress),
  };
}
