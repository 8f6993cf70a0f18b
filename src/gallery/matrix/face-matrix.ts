import type { BlockMemory, RowPlace } from './block-memory.js';
import type { Block, BlockPool } from './block-pool.js';
import { BLOCK_ROWS } from './dot-kernel.js';
import { createProbe, PROBE_SCALE, type Probe } from './probe.js';
import { cosineOf, dequantise, encodeRow, LEADING_OFFSET } from './row-code.js';

// A bound on the rounding errors of the float32 factors and the scan's double arithmetic: 6e-8 of numbers up to 3.
const ROUNDING = 1e-6;

/** `cosine` is the similarity (-1..1) of the row's embedding with the probe. */
export interface RowMatch {
  readonly row: number;
  readonly cosine: number;
}

/** Some faces, for exact search. Rows are numbered from 0 without gaps. */
export interface FaceMatrix {
  /** Number of rows. */
  readonly size: number;
  /** RAM in use. */
  readonly bytes: number;

  /**
   * @param embedding of any length: int16 [embeddingSize]. The cosine of a zero vector counts as 0
   * @returns its row
   * @throws {RangeError} it has another size, or the machine has no memory left
   */
  add(embedding: Int16Array): number;

  /**
   * Moves the last row into the gap.
   *
   * @returns the former number of the moved row, or null when the last row itself was removed
   * @throws {RangeError} there is no such row
   */
  remove(row: number): number | null;

  /** Removes all rows. */
  clear(): void;

  /**
   * All rows whose cosine is `minCosine` or more, in no order. The cosine is that of the embedding that was added, in
   * double precision. Blocks its thread: docs/scaling.md says for how long.
   *
   * @param probe of any length but 0: [embeddingSize]
   * @throws {RangeError} the probe has another size, or no direction
   */
  search(probe: Float32Array, minCosine: number): RowMatch[];

  /**
   * A row in the direction of the added embedding, not of length 1: float32 [embeddingSize].
   *
   * @throws {RangeError} there is no such row
   */
  read(row: number): Float32Array;
}

interface Row extends RowPlace {
  readonly memory: BlockMemory;
}

/** @param pool its blocks may be shared with other matrices of the same thread */
export function createFaceMatrix(pool: BlockPool): FaceMatrix {
  const { embeddingSize } = pool;
  const blocks: Block[] = [];
  let size = 0;

  const checkSize = (length: number): void => {
    if (length !== embeddingSize) {
      throw new RangeError(`Cannot use an embedding whose size is not ${embeddingSize}: ${length}`);
    }
  };
  const rowAt = (row: number): Row => {
    const block = blocks[Math.floor(row / BLOCK_ROWS)] as Block;
    const place = block.memory.placeOf(block.index * BLOCK_ROWS + (row % BLOCK_ROWS));
    return { memory: block.memory, ...place };
  };
  const checkRow = (row: number): Row => {
    if (Number.isInteger(row) && row >= 0 && row < size) return rowAt(row);
    throw new RangeError(`There is no row ${row}: there are ${size}`);
  };

  return {
    get size() {
      return size;
    },
    get bytes() {
      return pool.bytesFor(size);
    },
    add: (embedding) => {
      checkSize(embedding.length);
      if (size === blocks.length * BLOCK_ROWS) blocks.push(pool.take());
      const { memory, leading, trailing, perLength, slack } = rowAt(size);
      const factors = encodeRow(
        embedding,
        memory.bytes.subarray(leading, leading + embeddingSize),
        memory.bytes.subarray(trailing, trailing + embeddingSize),
      );
      memory.floats[perLength] = factors.perLength;
      memory.floats[slack] = factors.slack;
      size += 1;
      return size - 1;
    },
    remove: (row) => {
      const gap = checkRow(row);
      const last = size - 1;
      if (row !== last) copyRow(rowAt(last), gap, pool.rowBytes);
      size = last;
      if (size === (blocks.length - 1) * BLOCK_ROWS) pool.give(blocks.pop() as Block);
      return row === last ? null : last;
    },
    clear: () => {
      for (const block of blocks.splice(0)) pool.give(block);
      size = 0;
    },
    search: (embedding, minCosine) => {
      checkSize(embedding.length);
      return searchRows(blocks, size, createProbe(embedding, pool.rowBytes), minCosine);
    },
    read: (row) => {
      const { memory, leading, trailing } = checkRow(row);
      const embedding = new Float32Array(embeddingSize);
      for (let i = 0; i < embeddingSize; i += 1) {
        embedding[i] = dequantise(memory.bytes[leading + i] as number, memory.bytes[trailing + i] as number);
      }
      return embedding;
    },
  };
}

function copyRow(source: Row, target: Row, rowBytes: number): void {
  const { bytes, floats } = target.memory;
  bytes.set(source.memory.bytes.subarray(source.leading, source.leading + rowBytes), target.leading);
  bytes.set(source.memory.bytes.subarray(source.trailing, source.trailing + rowBytes), target.trailing);
  floats[target.perLength] = source.memory.floats[source.perLength] as number;
  floats[target.slack] = source.memory.floats[source.slack] as number;
}

/**
 * Reads the leading bytes of all rows, and the trailing bytes only of rows that can still reach `minCosine`.
 *
 * No match is lost. In the terms of row-code.ts let w = a + e, where a is the value of the leading bytes, and let the
 * unit probe be p = q + d, where q is its fixed-point form and d the rounding error. Then
 *
 *   w·p = a·q + a·d + e·p ≤ a·q + (|w| + |e|)·|d| + |e|    (Cauchy, Schwarz; |a| ≤ |w| + |e|; |p| = 1)
 *
 * so with slack s = |e| / |w| the cosine w·p / |w| is at most a·q / |w| + s·(1 + |d|) + |d|.
 */
function searchRows(blocks: readonly Block[], size: number, probe: Probe, minCosine: number): RowMatch[] {
  const perDot = 256 / PROBE_SCALE;
  const offset = (LEADING_OFFSET * probe.sum) / PROBE_SCALE;
  const perSlack = 1 + probe.error;
  const least = minCosine - probe.error - ROUNDING;

  const matches: RowMatch[] = [];
  let prepared: BlockMemory | null = null;
  for (const [number, { memory, index }] of blocks.entries()) {
    if (memory !== prepared) memory.setProbe(probe.fixed);
    prepared = memory;
    memory.scan(index);
    const { bytes, floats, dots, placeOf } = memory;
    const first = number * BLOCK_ROWS;
    const firstInMemory = index * BLOCK_ROWS;
    const block = placeOf(firstInMemory);
    const rows = Math.min(BLOCK_ROWS, size - first);
    for (let i = 0; i < rows; i += 1) {
      const known = (floats[block.perLength + i] as number) * (perDot * (dots[i] as number) + offset);
      if (known + (floats[block.slack + i] as number) * perSlack < least) continue;
      const { leading, trailing } = placeOf(firstInMemory + i);
      const cosine = cosineOf(probe.unit, bytes, leading, trailing);
      if (cosine >= minCosine) matches.push({ row: first + i, cosine });
    }
  }
  return matches;
}
