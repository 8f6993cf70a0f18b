import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FACE_BOX, LANDMARKS } from '../../../scripts/tiny/drawn-face.mjs';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import type { Landmarks, Point } from '../../../src/shared/face.js';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { createCopies } from '../../../src/child/vision/pixels/copies.js';
import { decodeImage } from '../../../src/child/vision/decode.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';
import { refineLandmarks } from '../../../src/child/vision/refine.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

const FACES = [
  { person: 3, x: 90, y: 110, sizePx: 60 },
  { person: 8, x: 300, y: 160, sizePx: 150 },
];

let models: ModelFolder;
let pack: ModelPack;
let networks: Networks;
let image: RgbImage;
beforeAll(async () => {
  models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  networks = await openNetworks(pack, 'cpu', 1);
  ({ image } = await decodeImage(await drawScene({ widthPx: 560, heightPx: 420, faces: FACES }), 1e7));
});
afterAll(async () => {
  await networks.release();
  await models.remove();
});

const refine = (faces: readonly Landmarks[]) =>
  refineLandmarks(createCopies(image), faces, pack.detector, networks.runDetector);

/** Where the landmarks are drawn. */
const truth = FACES.map(({ x, y, sizePx }) => {
  const scale = sizePx / FACE_BOX.size;
  return mapPoints(LANDMARKS, (point) => ({
    x: x + (point.x - FACE_BOX.x) * scale,
    y: y + (point.y - FACE_BOX.y) * scale,
  }));
});

function mapPoints([a, b, c, d, e]: Landmarks, map: (point: Point) => Point): Landmarks {
  return [map(a), map(b), map(c), map(d), map(e)];
}

/** Largest distance of two landmarks, as a share of the distance of the eyes. */
function errorOf(found: Landmarks | undefined, right: Landmarks): number {
  const eyes = Math.hypot(right[1].x - right[0].x, right[1].y - right[0].y);
  const distances = right.map((point, i) =>
    Math.hypot(point.x - (found?.[i]?.x ?? NaN), point.y - (found?.[i]?.y ?? NaN)),
  );
  return Math.max(...distances) / eyes;
}

/** As a first look may see them: moved, turned and too large. */
const spoil = (landmarks: Landmarks): Landmarks => {
  const [eye, other] = landmarks;
  const by = 0.12 * Math.hypot(other.x - eye.x, other.y - eye.y);
  return mapPoints(landmarks, ({ x, y }) => ({
    x: eye.x + 1.06 * (x - eye.x) - 0.05 * (y - eye.y) + by,
    y: eye.y + 1.06 * (y - eye.y) + 0.05 * (x - eye.x) - by,
  }));
};

describe('refining landmarks', () => {
  it('makes the landmarks of small and large faces more precise', async () => {
    const spoiled = truth.map(spoil);
    const refined = await refine(spoiled);
    expect(refined).toHaveLength(2);
    for (const [i, right] of truth.entries()) {
      expect(errorOf(spoiled[i], right)).toBeGreaterThan(0.15);
      expect(errorOf(refined[i], right)).toBeLessThan(0.1);
    }
  });

  it('keeps exact landmarks', async () => {
    for (const [i, found] of (await refine(truth)).entries()) {
      expect(errorOf(found, truth[i] as Landmarks)).toBeLessThan(0.06);
    }
  });

  it('keeps the landmarks of a face that is not found again', async () => {
    const nowhere = mapPoints(truth[0] as Landmarks, ({ x, y }) => ({ x: x + 380, y: y + 230 }));
    expect(await refine([nowhere])).toEqual([nowhere]);
  });

  it('gives the same landmarks for a face in a crowd as for a single face', async () => {
    const crowd = Array.from({ length: 11 }, (_, i) => truth[i % 2] as Landmarks);
    const alone = await refine(truth);
    for (const [i, found] of (await refine(crowd)).entries()) {
      expect(errorOf(found, alone[i % 2] as Landmarks)).toBeLessThan(0.001);
    }
  });

  it('returns nothing for no faces', async () => {
    expect(await refine([])).toEqual([]);
  });
});
