import { describe, expect, test } from 'vitest';
import { createBlockMemory } from '../../../src/gallery/matrix/block-memory.js';
import { BLOCK_ROWS } from '../../../src/gallery/matrix/dot-kernel.js';

describe('a block memory', () => {
  test.each([1, 16, 129, 512])('gives every row of %i components its own place', (embeddingSize) => {
    const { placeOf, rowBytes, blocks, bytes, floats } = createBlockMemory(embeddingSize, 3 * BLOCK_ROWS);
    expect(blocks).toBe(3);
    const owners = new Map<number, string>();
    const claim = (address: number, length: number, owner: string) => {
      for (let i = address; i < address + length; i += 1) {
        expect(owners.get(i)).toBeUndefined();
        owners.set(i, owner);
      }
    };
    for (let row = 0; row < 3 * BLOCK_ROWS; row += 61) {
      const { leading, trailing, perLength, slack } = placeOf(row);
      claim(leading, rowBytes, `leading bytes of ${row}`);
      claim(trailing, rowBytes, `trailing bytes of ${row}`);
      claim(4 * perLength, 4, `1 / length of ${row}`);
      claim(4 * slack, 4, `slack of ${row}`);
    }
    expect(Math.max(...owners.keys())).toBeLessThan(bytes.length);
    expect(floats.length * 4).toBe(bytes.length);
  });

  test('has room for at most 4 GiB of faces', () => {
    expect(() => createBlockMemory(512, 4_200_000)).toThrow(
      new RangeError('Cannot hold 4200000 faces: they take more than 4 GiB'),
    );
  });
});
