import { expect, test } from 'vitest';
import { withInput } from '../../../src/child/vision/input-buffers.js';

test('an input has its own length, even if its memory was a larger input before', async () => {
  const first = await withInput(12, (input) => Promise.resolve(input));
  const second = await withInput(10, (input) => Promise.resolve(input));
  expect(second.buffer).toBe(first.buffer);
  expect(second).toHaveLength(10);
});

test('two inputs in use at once have their own memory', async () => {
  await withInput(8, async (outer) => {
    outer.fill(1);
    await withInput(8, (inner) => Promise.resolve(inner.fill(2)));
    expect([...outer]).toEqual(Array(8).fill(1));
  });
});

test('the memory of an input is used again after a failure', async () => {
  let buffer: ArrayBufferLike | undefined;
  const failure = withInput(30, (input) => {
    buffer = input.buffer;
    return Promise.reject(new Error('The run failed'));
  });
  await expect(failure).rejects.toThrow('The run failed');
  expect(await withInput(30, (input) => Promise.resolve(input.buffer))).toBe(buffer);
});

test('a very large input does not keep its memory', async () => {
  const large = 3 * 960 * 960 + 1;
  const first = await withInput(large, (input) => Promise.resolve(input.buffer));
  expect(await withInput(large, (input) => Promise.resolve(input.buffer))).not.toBe(first);
});
