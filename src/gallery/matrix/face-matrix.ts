import { createBlockMemory, type BlockMemory } from './block-memory.js';
import { BLOCK_ROWS } from './dot-kernel.js';
import { createProbe, PROBE_SCALE, type Probe } from './probe.js';
import { cosineOf, dequantise, encodeRow, LEADING_OFFSET } from './row-code.js';

// Low enough that a gallery whose size goes up and down is not copied again and again.
const SHRINK_BELOW = 1 / 4;

// A bound on the rounding errors of the float32 factors and the scan's double arithmetic: 6e-8 of numbers up to 3.
const ROUNDING = 1e-6;

/** `cosine` is the similarity (-1..1) of the row's embedding with the probe. */
export interface RowMatch {
  readonly row: number;
  readonly cosine: number;
}

/** The faces of one gallery, for exact search. Rows are numbered from 0 without gaps. */
export interface FaceMatrix {
  /** Number of rows. */
  readonly size: number;
  /** Allocated memory. */
  readonly bytes: number;

  /**
   * @param embedding of any length: int16 [embeddingSize]. The cosine of a zero vector counts as 0
   * @returns its row
   * @throws {RangeError} it has another size, or the matrix is full: 4 GiB, about 4 million faces of 512 components
   */
  add(embedding: Int16Array): number;

  /**
   * Moves the last row into the gap.
   *
   * @returns the former number of the moved row, or null when the last row itself was removed
   * @throws {RangeError} there is no such row
   */
  remove(row: number): number | null;

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

/** @param embeddingSize 1 to 32,768 */
export function createFaceMatrix(embeddingSize: number): FaceMatrix {
  let memory: BlockMemory | null = null;
  let size = 0;

  const checkSize = (length: number): void => {
    if (length !== embeddingSize) {
      throw new RangeError(`Cannot use an embedding whose size is not ${embeddingSize}: ${length}`);
    }
  };
  const checkRow = (row: number): BlockMemory => {
    if (memory !== null && Number.isInteger(row) && row >= 0 && row < size) return memory;
    throw new RangeError(`There is no row ${row}: there are ${size}`);
  };
  const makeRoom = (): BlockMemory => {
    memory ??= createBlockMemory(embeddingSize, 1);
    if (size === memory.capacity) memory.grow(size + 1);
    return memory;
  };

  return {
    get size() {
      return size;
    },
    get bytes() {
      return memory?.bytes.length ?? 0;
    },
    add: (embedding) => {
      checkSize(embedding.length);
      const { bytes, floats, placeOf } = makeRoom();
      const { leading, trailing, perLength, slack } = placeOf(size);
      const factors = encodeRow(
        embedding,
        bytes.subarray(leading, leading + embeddingSize),
        bytes.subarray(trailing, trailing + embeddingSize),
      );
      floats[perLength] = factors.perLength;
      floats[slack] = factors.slack;
      size += 1;
      return size - 1;
    },
    remove: (row) => {
      const held = checkRow(row);
      const last = size - 1;
      if (row !== last) copyRow(held, last, row);
      size = last;
      if (size === 0) memory = null;
      else if (held.bytesFor(size) < SHRINK_BELOW * held.bytes.length) memory = held.copy(size);
      return row === last ? null : last;
    },
    search: (embedding, minCosine) => {
      checkSize(embedding.length);
      return memory === null
        ? []
        : searchRows(memory, size, createProbe(embedding, memory.rowBytes), minCosine);
    },
    read: (row) => {
      const { bytes, placeOf } = checkRow(row);
      const { leading, trailing } = placeOf(row);
      return Float32Array.from({ length: embeddingSize }, (_, i) =>
        dequantise(bytes[leading + i] as number, bytes[trailing + i] as number),
      );
    },
  };
}

function copyRow({ bytes, floats, rowBytes, placeOf }: BlockMemory, from: number, to: number): void {
  const source = placeOf(from);
  const target = placeOf(to);
  bytes.copyWithin(target.leading, source.leading, source.leading + rowBytes);
  bytes.copyWithin(target.trailing, source.trailing, source.trailing + rowBytes);
  floats[target.perLength] = floats[source.perLength] as number;
  floats[target.slack] = floats[source.slack] as number;
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
function searchRows(memory: BlockMemory, size: number, probe: Probe, minCosine: number): RowMatch[] {
  const { bytes, floats, dots, placeOf } = memory;
  const perDot = 256 / PROBE_SCALE;
  const offset = (LEADING_OFFSET * probe.sum) / PROBE_SCALE;
  const perSlack = 1 + probe.error;
  const least = minCosine - probe.error - ROUNDING;

  const matches: RowMatch[] = [];
  memory.setProbe(probe.fixed);
  for (let first = 0; first < size; first += BLOCK_ROWS) {
    memory.scan(first / BLOCK_ROWS);
    const block = placeOf(first);
    const rows = Math.min(BLOCK_ROWS, size - first);
    for (let i = 0; i < rows; i += 1) {
      const known = (floats[block.perLength + i] as number) * (perDot * (dots[i] as number) + offset);
      if (known + (floats[block.slack + i] as number) * perSlack < least) continue;
      const { leading, trailing } = placeOf(first + i);
      const cosine = cosineOf(probe.unit, bytes, leading, trailing);
      if (cosine >= minCosine) matches.push({ row: first + i, cosine });
    }
  }
  return matches;
}
