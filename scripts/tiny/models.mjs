import { createHash } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { createDetectorModel } from './detector.mjs';
import { createEmbedderModel, EMBEDDING_SIZE } from './embedder.mjs';

/**
 * Writes two tiny models that find drawn faces and tell them apart, and a manifest.json with the pack `tiny`.
 * Everything that runs on real models runs on these, on any machine and in little time.
 *
 * @param {string} directory made where it is missing
 * @param {Parameters<typeof createEmbedderModel>[0]} [embedderOptions]
 * @returns {Promise<void>}
 */
export async function writeTinyModels(directory, embedderOptions = {}) {
  await mkdir(directory, { recursive: true });
  const detector = await writeModel(directory, 'drawn_face_detector.onnx', await createDetectorModel());
  const embedder = await writeModel(
    directory,
    'drawn_face_embedder.onnx',
    createEmbedderModel(embedderOptions),
  );
  const tiny = {
    description: 'Finds drawn faces and tells them apart by their caps. For tests and the demo.',
    detector: {
      ...detector,
      input: { channels: 'bgr', mean: 0, scale: 1 },
      strides: [8, 16, 32],
      scoreThreshold: 0.6,
      iouThreshold: 0.3,
    },
    embedder: {
      ...embedder,
      input: { channels: 'rgb', mean: 0, scale: 1 },
      embeddingSize: embedderOptions.embeddingSize ?? EMBEDDING_SIZE,
    },
    calibration: [
      [-1, 0],
      [0.5, 0.6],
      [1, 1],
    ],
  };
  const manifest = JSON.stringify({ packs: { tiny } }, null, 2);
  await writeFile(path.join(directory, 'manifest.json'), `${manifest}\n`);
}

/**
 * @param {string} directory
 * @param {string} file
 * @param {Buffer} content
 */
async function writeModel(directory, file, content) {
  await writeFile(path.join(directory, file), content);
  const sha256 = createHash('sha256').update(content).digest('hex');
  return { file, urls: [], bytes: content.length, sha256, licence: 'MIT' };
}
