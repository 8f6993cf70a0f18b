import { expect, test } from 'vitest';
import { interleave } from '../../../src/gallery/matrix/dot-kernel.js';
import { createProbe, PROBE_SCALE } from '../../../src/gallery/matrix/probe.js';
import { randomProbe, seededRandom } from './vectors.js';

test('a probe has length 1 for an embedding of any length', () => {
  const embedding = randomProbe(300, seededRandom(1)).map((component) => component * 17);
  const { unit } = createProbe(embedding, 304);
  expect(Math.hypot(...unit)).toBeCloseTo(1, 14);
  expect((unit[7] ?? 0) / (unit[9] ?? 0)).toBeCloseTo((embedding[7] ?? 0) / (embedding[9] ?? 0), 12);
});

test('a probe knows how much its fixed-point form differs from it', () => {
  const { unit, fixed, sum, error } = createProbe(randomProbe(300, seededRandom(2)), 304);
  const differences = Array.from(
    unit,
    (component, i) => component - (fixed[interleave(i)] ?? 0) / PROBE_SCALE,
  );
  expect(error).toBeCloseTo(Math.hypot(...differences), 14);
  expect(error).toBeGreaterThan(0);
  expect(sum).toBe(fixed.reduce((total, component) => total + component));
});

test('the padding of a probe is 0', () => {
  const { fixed } = createProbe(Float32Array.of(-1, -1, -1), 16);
  expect(fixed.filter((component) => component !== 0)).toHaveLength(3);
});

test.each([
  ['zeros', [0, 0], '0'],
  ['no number', [Number.NaN, 1], 'NaN'],
  ['infinity', [Infinity, 1], 'Infinity'],
])('a probe of %s is refused', (_, components, length) => {
  expect(() => createProbe(Float32Array.from(components), 16)).toThrow(
    new RangeError(`Cannot search for an embedding without a direction: its length is ${length}`),
  );
});
