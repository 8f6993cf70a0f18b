import { describe, expect, it } from 'vitest';
import type { EmbedderModel } from '../../../src/shared/model-pack.js';
import { embedFaces, type RunEmbedder } from '../../../src/child/vision/embed.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';

const SIDE_PX = 112;
const VALUES_PER_FACE = 3 * SIDE_PX ** 2;

const MODEL: EmbedderModel = {
  file: 'embedder.onnx',
  bytes: null,
  sha256: '',
  licence: 'MIT',
  nonCommercial: false,
  input: { sizePx: SIDE_PX, channels: 'rgb', mean: 100, scale: 0.5 },
  embeddingSize: 2,
};

/** A face of one colour. */
const face = (red: number): RgbImage => ({
  widthPx: SIDE_PX,
  heightPx: SIDE_PX,
  data: new Uint8Array(VALUES_PER_FACE).map((_, i) => (i % 3 === 0 ? red : 0)),
});

/** Gives each face [its first value, 1], and keeps the sizes of its batches. */
function createRun(): RunEmbedder & { readonly counts: number[] } {
  const counts: number[] = [];
  const run: RunEmbedder = async (input, count, sizePx) => {
    counts.push(count);
    expect(sizePx).toBe(SIDE_PX);
    expect(input).toHaveLength(count * VALUES_PER_FACE);
    return Float32Array.from({ length: 2 * count }, (_, i) =>
      i % 2 === 0 ? (input[(i / 2) * VALUES_PER_FACE] ?? 0) : 1,
    );
  };
  return Object.assign(run, { counts });
}

const gives =
  (values: readonly number[]): RunEmbedder =>
  async () =>
    Float32Array.from(values);

describe('embeddings', () => {
  it.each([
    [0, []],
    [1, [1]],
    [16, [16]],
    [17, [16, 1]],
    [40, [16, 16, 8]],
  ])('of %i faces come in runs of 16 at most, in the order of the faces', async (count, runs) => {
    const run = createRun();
    const embeddings = await embedFaces(
      Array.from({ length: count }, (_, i) => face(100 + i)),
      MODEL,
      run,
    );
    expect(run.counts).toEqual(runs);
    expect(embeddings).toHaveLength(count);
    // The network was fed (100 + i - 100) / 0.5; tangents tell that apart whatever the length.
    for (const [i, [x = 0, y = 0]] of embeddings.entries()) expect(x / y).toBeCloseTo(2 * i, 3);
  });

  it('have the length 1', async () => {
    for (const values of [
      [3, 4],
      [-1e-15, 0],
      [1e18, -1e18],
      [0.1, 0.2],
    ]) {
      const [embedding] = await embedFaces([face(0)], MODEL, gives(values));
      expect(Math.hypot(...(embedding ?? []))).toBeCloseTo(1, 6);
      expect(Math.sign(embedding?.[0] ?? 0)).toBe(Math.sign(values[0] ?? 0));
    }
  });

  it('do not share memory, so that each can be transferred to another thread', async () => {
    const [first, second] = await embedFaces([face(1), face(2)], MODEL, createRun());
    expect(first?.buffer.byteLength).toBe(2 * Float32Array.BYTES_PER_ELEMENT);
    expect(first?.buffer).not.toBe(second?.buffer);
  });

  it.each([
    ['is zero', [0, 0]],
    ['holds what is no number', [Number.NaN, 1]],
    ['is endless', [Infinity, 1]],
  ])('are refused where a vector %s', async (_, values) => {
    await expect(embedFaces([face(0)], MODEL, gives(values))).rejects.toThrow('no direction');
  });

  it.each([
    ['more', [1, 2, 3]],
    ['less', [1]],
  ])('are rejected if the network returns %s than the manifest says', async (_, values) => {
    await expect(embedFaces([face(0)], MODEL, gives(values))).rejects.toThrow(
      `returned ${values.length} values for 1 faces; the manifest says 2 per face`,
    );
  });
});
