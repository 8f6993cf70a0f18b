import type { EmbedderModel } from '../../shared/model-pack.js';
import { withInput } from './pixels/network-input.js';
import type { RgbImage } from './pixels/rgb-image.js';

/** Faces per run. Limits the memory use for crowds; larger runs are not faster per face. */
const BATCH_SIZE = 16;

/**
 * Runs the embedder.
 *
 * @param input float32 NCHW [count, 3, sizePx, sizePx]; used again after the run
 * @returns float32 [count, embeddingSize]
 */
export type RunEmbedder = (input: Float32Array, count: number, sizePx: number) => Promise<Float32Array>;

/**
 * Embeds aligned faces.
 *
 * @param faces each `sizePx` x `sizePx` of the model
 * @returns for each face float32 [embeddingSize], L2-normalised
 * @throws {Error} if the output does not match the manifest, or if a vector has no direction
 */
export async function embedFaces(
  faces: readonly RgbImage[],
  model: EmbedderModel,
  run: RunEmbedder,
): Promise<Float32Array[]> {
  const embeddings: Float32Array[] = [];
  for (let start = 0; start < faces.length; start += BATCH_SIZE) {
    embeddings.push(...(await embedBatch(faces.slice(start, start + BATCH_SIZE), model, run)));
  }
  return embeddings;
}

async function embedBatch(
  faces: readonly RgbImage[],
  { input: { sizePx, ...encoding }, embeddingSize }: EmbedderModel,
  run: RunEmbedder,
): Promise<Float32Array[]> {
  const size = { widthPx: sizePx, heightPx: sizePx };
  const output = await withInput(faces, size, encoding, (input) => run(input, faces.length, sizePx));
  if (output.length !== faces.length * embeddingSize) {
    throw new Error(
      `The embedder returned ${output.length} values for ${faces.length} faces; the manifest says ${embeddingSize} per face`,
    );
  }
  return faces.map((_, i) => normalise(output.slice(i * embeddingSize, (i + 1) * embeddingSize)));
}

/** Scales a vector to length 1 (L2), in place. */
function normalise(vector: Float32Array): Float32Array {
  let squares = 0;
  for (const value of vector) squares += value * value;
  if (!(squares > 0 && squares < Infinity)) {
    throw new Error(`The embedder returned a vector of length ${Math.sqrt(squares)}, which has no direction`);
  }
  const factor = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * factor;
  return vector;
}
