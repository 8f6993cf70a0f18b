import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { createEngine } from '../../dist/child/engine/engine-pool.js';
import { createLogger } from '../../dist/shared/logger.js';

const FACES_PER_PERSON = 20;
// Two faces of a person then have a cosine of about 1 / (1 + 0.8²) = 0.61.
const SPREAD = 0.8;

/**
 * Random unit vectors, 20 faces per person.
 *
 * @param {Float32Array} vectors [count, size], written
 * @param {number} size
 */
export function writeClusters(vectors, size) {
  const random = createRandom();
  const person = new Float32Array(size);
  const faces = vectors.length / size;
  for (let face = 0; face < faces; face += 1) {
    if (face % FACES_PER_PERSON === 0) writeUnit(person, random);
    const vector = vectors.subarray(face * size, (face + 1) * size);
    writeUnit(vector, random);
    for (let i = 0; i < size; i += 1) vector[i] = (person[i] ?? 0) + SPREAD * (vector[i] ?? 0);
    normalise(vector);
  }
}

/**
 * @param {Float32Array} vector
 * @param {() => number} random
 */
function writeUnit(vector, random) {
  for (let i = 0; i < vector.length; i += 1) vector[i] = random() + random() - random() - random();
  normalise(vector);
}

/** @param {Float32Array} vector */
function normalise(vector) {
  let squares = 0;
  for (const component of vector) squares += component * component;
  const scale = 1 / Math.sqrt(squares);
  for (let i = 0; i < vector.length; i += 1) vector[i] = (vector[i] ?? 0) * scale;
}

/** Pseudo-random numbers 0..1, the same each time: xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
function createRandom() {
  let state = 2_463_534_242;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

/**
 * Converts to the stored form: component · 32767.
 *
 * @param {Float32Array} vector
 */
export function toFixedPoint(vector) {
  const fixed = new Int16Array(vector.length);
  for (let i = 0; i < vector.length; i += 1) fixed[i] = Math.round((vector[i] ?? 0) * 32_767);
  return fixed;
}

/**
 * The embedding of every face in all photos below a folder.
 *
 * @param {{ photos: string, modelPack: string, modelsDir: string }} options
 * @returns {Promise<Float32Array[]>}
 */
export async function embedPhotos({ photos, modelPack, modelsDir }) {
  const names = await readdir(photos, { recursive: true });
  const photoNames = names.filter((name) => /\.(jpe?g|png|webp)$/i.test(name)).toSorted();
  const engine = await createEngine({
    device: { kind: 'cpu', index: 0, name: 'CPU' },
    config: {
      provider: 'auto',
      modelPack,
      modelsDir,
      threads: null,
      maxImageBytes: 2e7,
      maxImagePixels: 1e8,
      galleryUpright: false,
    },
    logger: createLogger('bench', 'warn'),
  });
  /** @type {Float32Array[][]} */
  const embeddings = [];
  const remaining = photoNames.entries();
  const lane = async () => {
    for (const [i, name] of remaining) {
      const { faces } = await engine.analyze({
        kind: 'bytes',
        bytes: await readFile(path.join(photos, name)),
      });
      embeddings[i] = faces.map(({ embedding }) => embedding);
    }
  };
  try {
    await Promise.all(Array.from({ length: engine.capacity }, lane));
  } finally {
    await engine.stop();
  }
  return embeddings.flat();
}
