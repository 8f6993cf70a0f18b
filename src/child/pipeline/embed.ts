import type { EmbedderModel } from '../inference/model-files.js';
import { type RgbImage, writePlanes } from './pixels.js';

/**
 * Runs a network.
 *
 * @param input float32 NCHW [count, 3, sizePx, sizePx]
 * @returns float32 [count, embeddingSize]
 */
export type RunEmbedder = (input: Float32Array, count: number, sizePx: number) => Promise<Float32Array>;

/**
 * Embeds aligned faces, all in one run.
 *
 * @param faces each `sizePx` x `sizePx` of the model
 * @returns for each face float32 [embeddingSize], of length 1 (L2)
 */
export async function embedFaces(
  faces: readonly RgbImage[],
  { input: { sizePx, ...encoding }, embeddingSize }: EmbedderModel,
  run: RunEmbedder,
): Promise<Float32Array[]> {
  if (faces.length === 0) return [];
  const size = { widthPx: sizePx, heightPx: sizePx };
  const values = 3 * sizePx * sizePx;
  const input = new Float32Array(faces.length * values);
  for (const [i, face] of faces.entries())
    writePlanes(face, input.subarray(i * values, (i + 1) * values), size, encoding);
  const output = await run(input, faces.length, sizePx);
  if (output.length !== faces.length * embeddingSize) {
    throw new Error(
      `The embedder gave ${output.length} values for ${faces.length} faces; the manifest says ${embeddingSize} a face`,
    );
  }
  return faces.map((_, i) => normalise(output.slice(i * embeddingSize, (i + 1) * embeddingSize)));
}

/** Scales a vector to length 1, in place. */
export function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  const factor = squares > 0 ? 1 / Math.sqrt(squares) : 0;
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * factor;
  return vector;
}
