import { openNetworks, warmUp } from '../../dist/child/engine/networks.js';
import { alignFace } from '../../dist/child/vision/align.js';
import { decodeImage } from '../../dist/child/vision/decode.js';
import { embedFaces } from '../../dist/child/vision/embed.js';
import { findFaces } from '../../dist/child/vision/find-faces.js';
import { refineLandmarks } from '../../dist/child/vision/refine.js';
import { median } from '../faults/report.mjs';

/**
 * How long each stage of the pipeline takes for a photo: decode, detect, refine, align, embed.
 *
 * @param {readonly Buffer[]} photos
 * @param {import('../../dist/shared/model-pack.js').ModelPack} pack
 * @param {number} rounds
 * @returns {Promise<{ times: number[], faces: number }>} mean time per photo (ms), as the median over the rounds; mean number of faces
 */
export async function measureStages(photos, pack, rounds) {
  const networks = await openNetworks(pack, 'cpu', 1);
  await warmUp(networks, pack);
  /** @type {number[][]} */
  const perRound = [];
  let faces = 0;
  for (let round = -1; round < rounds; round += 1) {
    const sums = [0, 0, 0, 0, 0];
    faces = 0;
    for (const photo of photos) {
      let stage = 0;
      const timed = async (/** @type {() => any} */ work) => {
        const startedAt = performance.now();
        const result = await work();
        sums[stage] = (sums[stage] ?? 0) + (performance.now() - startedAt) / photos.length;
        stage += 1;
        return result;
      };
      const decoded = await timed(() => decodeImage(photo, 1e9));
      const { image, faces: found } = await timed(() =>
        findFaces(photo, decoded, 1e9, pack.detector, networks.runDetector),
      );
      const landmarks = await timed(() =>
        refineLandmarks(
          image,
          found.map((/** @type {any} */ face) => face.landmarks),
          pack.detector,
          networks.runDetector,
        ),
      );
      const crops = await timed(() => landmarks.map((/** @type {any} */ face) => alignFace(image, face)));
      await timed(() => embedFaces(crops, pack.embedder, networks.runEmbedder));
      faces += found.length / photos.length;
    }
    if (round >= 0) perRound.push(sums);
  }
  await networks.release();
  return {
    times: [0, 1, 2, 3, 4].map((stage) => median(perRound.map((sums) => sums[stage] ?? NaN))),
    faces,
  };
}
