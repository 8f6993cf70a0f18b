import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { createEngine } from '../../dist/child/engine/engine-pool.js';

/**
 * The face in the middle of each photo.
 *
 * @param {string} folder
 * @param {readonly string[]} files paths below the folder
 * @param {{ pack: string, modelsDir: string, onDone: (done: number) => void }} options
 * @returns {Promise<Map<string, Float32Array>>} L2-normalised embeddings; a photo without a face has none
 */
export async function embedPhotos(folder, files, { pack, modelsDir, onDone }) {
  const engine = await createEngine({
    device: { kind: 'cpu', index: 0, name: 'CPU' },
    config: {
      provider: 'auto',
      modelPack: pack,
      modelsDir,
      threads: null,
      maxImageBytes: 100_000_000,
      maxImagePixels: 100_000_000,
      galleryUpright: false,
    },
    logger: /** @type {any} */ ({ warn: console.error }),
  });
  /** @type {Map<string, Float32Array>} */
  const embeddings = new Map();
  try {
    const remaining = files.values();
    let done = 0;
    const lane = async () => {
      for (const file of remaining) {
        const image = await engine.analyze({ kind: 'bytes', bytes: await readFile(path.join(folder, file)) });
        const face = nearestTheMiddle(image);
        if (face !== undefined) embeddings.set(file, face.embedding);
        onDone((done += 1));
      }
    };
    await Promise.all(Array.from({ length: engine.capacity }, lane));
  } finally {
    await engine.stop();
  }
  return embeddings;
}

/**
 * @template {{ box: { x: number, y: number, width: number, height: number } }} Face
 * @param {{ widthPx: number, heightPx: number, faces: readonly Face[] }} image
 */
export function nearestTheMiddle({ widthPx, heightPx, faces }) {
  const distance = (/** @type {Face} */ { box }) =>
    Math.hypot(box.x + box.width / 2 - widthPx / 2, box.y + box.height / 2 - heightPx / 2);
  return faces.toSorted((a, b) => distance(a) - distance(b))[0];
}
