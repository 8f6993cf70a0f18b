import { describe, expect, test } from 'vitest';
import { cosineOf, encodeRow, LEADING_OFFSET } from '../../../src/gallery/matrix/row-code.js';
import { cosine, randomEmbedding, seededRandom } from './vectors.js';

const random = seededRandom(1);
const embeddings: readonly (readonly [string, Int16Array])[] = [
  ['a unit vector', randomEmbedding(512, random)],
  ['one component', Int16Array.of(0, 32_767, 0)],
  ['the ends of the range', Int16Array.of(-32_768, 32_767, -1, 0, 1)],
  ['small components', Int16Array.of(3, -2, 1, 0)],
  ['one small negative component', Int16Array.of(0, -1)],
  ['edges of a byte', Int16Array.of(-129, -128, -127, 127, 128, 255, 256, 20_000)],
  ['equal components', new Int16Array(256).fill(2048)],
];

function encode(embedding: Int16Array) {
  const bytes = new Uint8Array(2 * embedding.length);
  const factors = encodeRow(embedding, bytes.subarray(0, embedding.length), bytes.subarray(embedding.length));
  const [leading, trailing] = [bytes.slice(0, embedding.length), bytes.slice(embedding.length)];
  const told = Array.from(leading, (byte) => 256 * byte + LEADING_OFFSET);
  const whole = Array.from(leading, (byte, i) => 256 * byte + (trailing[i] ?? 0) - 32_768);
  return { ...factors, bytes, told, whole };
}

describe.each(embeddings)('a row of %s', (_, embedding) => {
  const { perLength, slack, bytes, told, whole } = encode(embedding);

  test('is kept without loss, shifted as far as 16 bits allow', () => {
    const shift = Math.log2((whole.find((x) => x !== 0) ?? 0) / (embedding.find((x) => x !== 0) ?? 0));
    expect(whole).toEqual(Array.from(embedding, (component) => component * 2 ** shift));
    const largest = Math.max(...whole.map(Math.abs));
    expect(largest).toBeGreaterThanOrEqual(2 ** 14);
    expect(largest).toBeLessThanOrEqual(2 ** 15);
  });

  test('has the length of what is kept', () => {
    expect(perLength * Math.hypot(...whole)).toBeCloseTo(1, 12);
  });

  test('has a slack: the share of its length that the leading bytes do not contain', () => {
    const rest = Math.hypot(...whole.map((component, i) => component - (told[i] ?? 0)));
    expect(slack).toBeCloseTo(rest / Math.hypot(...whole), 12);
  });

  test('gives the cosine of the embedding', () => {
    const unit = new Float64Array(embedding.length);
    unit[embedding.length - 1] = 1;
    const found = cosineOf(unit, bytes, 0, embedding.length);
    expect(found).toBeCloseTo(cosine(embedding, unit), 14);
  });
});

test('a row of zeros has no direction: its cosine counts as 0', () => {
  const { perLength, slack, bytes } = encode(new Int16Array(3));
  expect({ perLength, slack }).toEqual({ perLength: 0, slack: 0 });
  expect(cosineOf(Float64Array.of(1, 0, 0), bytes, 0, 3)).toBe(0);
});
