import { describe, expect, test } from 'vitest';
import { BLOCK_ROWS, createDotKernel, interleave } from '../../../src/gallery/matrix/dot-kernel.js';
import { seededRandom } from './vectors.js';

const PAGE_BYTES = 65_536;

/** Runs the kernel on a block that begins at `address`, and computes the same in plain integers. */
function compare(rowBytes: number, address: number, byteAt: () => number, componentAt: () => number) {
  const blockBytes = BLOCK_ROWS * rowBytes;
  const dotsAddress = 2 * rowBytes;
  const pages = Math.ceil((Math.max(address, dotsAddress + 4 * BLOCK_ROWS) + blockBytes) / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });

  const block = new Uint8Array(memory.buffer, address, blockBytes).map(byteAt);
  new Uint8Array(memory.buffer, address, blockBytes).set(block);
  const probe = Array.from({ length: rowBytes }, componentAt);
  const fixed = new Int16Array(memory.buffer, 0, rowBytes);
  for (const [i, component] of probe.entries()) fixed[interleave(i)] = component;

  createDotKernel(memory, rowBytes)(address, 0, dotsAddress);
  const dots = Array.from(new Int32Array(memory.buffer, dotsAddress, BLOCK_ROWS));
  const expected = Array.from({ length: BLOCK_ROWS }, (_, row) =>
    probe.reduce((sum, component, i) => sum + component * (block[row * rowBytes + i] ?? 0), 0),
  );
  return { dots, expected };
}

describe('the kernel', () => {
  test.each([16, 32, 144, 256, 512, 1040])('multiplies rows of %i bytes with the probe', (rowBytes) => {
    const random = seededRandom(rowBytes);
    const { dots, expected } = compare(
      rowBytes,
      4096 + 2 * rowBytes,
      () => Math.floor(random() * 256),
      () => Math.floor((random() - 0.5) * 4000),
    );
    expect(dots).toEqual(expected);
  });

  // Of all unit vectors those of equal components have the largest sum.
  test.each([1, -1])('does not overflow on the largest bytes and the largest probe, sign %i', (sign) => {
    const component = sign * Math.round(32_767 / Math.sqrt(32_768));
    const { dots, expected } = compare(
      32_768,
      131_072,
      () => 255,
      () => component,
    );
    expect(dots).toEqual(expected);
  });

  test('reads beyond 2 GiB', () => {
    const { dots, expected } = compare(
      16,
      2 ** 31 + 64,
      () => 7,
      () => 11,
    );
    expect(dots).toEqual(expected);
  });

  test('reads a probe in an order that is a permutation', () => {
    const places = Array.from({ length: 64 }, (_, i) => interleave(i));
    expect(new Set(places).size).toBe(64);
    expect(Math.max(...places)).toBe(63);
    expect(places.slice(0, 4)).toEqual([0, 8, 1, 9]);
  });
});
