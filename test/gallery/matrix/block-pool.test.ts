import { describe, expect, test } from 'vitest';
import { createBlockPool } from '../../../src/gallery/matrix/block-pool.js';
import { BLOCK_ROWS } from '../../../src/gallery/matrix/dot-kernel.js';
import { createFaceMatrix } from '../../../src/gallery/matrix/face-matrix.js';

const EAST = Int16Array.of(32_767, 0);
const NORTH = Int16Array.of(0, 32_767);
/** One memory has four blocks. */
const MEMORY_BYTES = 4 * 40 * BLOCK_ROWS;

describe('a pool of blocks', () => {
  test('holds the faces of many matrices, and each search sees its own ones', () => {
    const pool = createBlockPool(2, MEMORY_BYTES);
    const matrices = Array.from({ length: 9 }, () => createFaceMatrix(pool));
    for (let i = 0; i < 2 * BLOCK_ROWS; i += 1) {
      for (const [number, matrix] of matrices.entries()) matrix.add(number % 2 === 0 ? EAST : NORTH);
    }
    for (const [number, matrix] of matrices.entries()) {
      const found = matrix.search(Float32Array.of(1, 0), 0.5);
      expect(found).toHaveLength(number % 2 === 0 ? 2 * BLOCK_ROWS : 0);
    }
  });

  test('uses the blocks of a cleared matrix again', () => {
    const pool = createBlockPool(2, MEMORY_BYTES);
    const fill = () => {
      const matrix = createFaceMatrix(pool);
      for (let i = 0; i < 4 * BLOCK_ROWS; i += 1) matrix.add(EAST);
      return matrix;
    };
    const first = fill();
    const { bytes } = pool;
    first.clear();
    expect([first.size, first.bytes]).toEqual([0, 0]);
    expect(first.search(Float32Array.of(1, 0), 0)).toEqual([]);
    const second = fill();
    expect(pool.bytes).toBe(bytes);
    expect(second.search(Float32Array.of(0, 1), 0.5)).toEqual([]);
    expect(second.search(Float32Array.of(1, 0), 0.5)).toHaveLength(4 * BLOCK_ROWS);
  });

  test('drops a memory without used blocks, but keeps room for the next block', () => {
    const pool = createBlockPool(2, MEMORY_BYTES);
    const blocks = Array.from({ length: 12 }, () => pool.take());
    const three = pool.bytes;
    for (const block of blocks.slice(4)) pool.give(block);
    expect(pool.bytes).toBe((2 * three) / 3);
    for (const block of blocks.slice(0, 4)) pool.give(block);
    expect(pool.bytes).toBe(three / 3);
  });
});
