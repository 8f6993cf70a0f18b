import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { analyzeImage } from '../../../src/child/engine/analyze-image.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { cosine } from '../../support/cosine.js';
import { createModelFolder } from '../../support/model-folder.js';

const SIZE = { widthPx: 480, heightPx: 320 };

let pack: ModelPack;
let networks: Networks;
let scene: Buffer;
let detections = 0;
beforeAll(async () => {
  const models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  const opened = await openNetworks(pack, 'cpu', 1);
  networks = {
    ...opened,
    runDetector: (input, count, size) => {
      detections += 1;
      return opened.runDetector(input, count, size);
    },
  };
  await models.remove();
  scene = await drawScene({ ...SIZE, faces: [{ person: 7, x: 160, y: 90, sizePx: 150 }] });
});
afterAll(() => networks.release());

async function analyze(encoded: Buffer, selfie: boolean) {
  detections = 0;
  const kind = selfie ? 'selfie' : 'photo';
  const image = await analyzeImage(encoded, { pack, networks, maxImagePixels: 1_000_000, kind });
  return { image, detections };
}

test('a selfie with a sure face takes one pass, like a gallery photo', async () => {
  const photo = await analyze(scene, false);
  const selfie = await analyze(scene, true);
  expect(selfie.image).toEqual({ ...photo.image, turnedDeg: 0, doubtful: false });
  expect(selfie.detections).toBe(photo.detections);
});

test.each([90, 180, 270] as const)('a selfie that is turned by %i degrees is turned back', async (deg) => {
  const upright = (await analyze(scene, true)).image;
  const turned = await sharp(scene).rotate(deg).png().toBuffer();
  const { image } = await analyze(turned, true);
  expect(image.turnedDeg).toBe(360 - deg);
  expect([image.widthPx, image.heightPx]).toEqual([SIZE.widthPx, SIZE.heightPx]);
  const [face] = image.faces;
  const [expected] = upright.faces;
  expect(cosine(face?.embedding as Float32Array, expected?.embedding as Float32Array)).toBeGreaterThan(0.95);
});

test('an image without a face stays unchanged, and is doubtful', async () => {
  const empty = await drawScene({ ...SIZE, faces: [] });
  expect((await analyze(empty, true)).image).toEqual({ ...SIZE, faces: [], turnedDeg: 0, doubtful: true });
});

test.each([90, 180, 270] as const)(
  'a gallery photo that is turned by %i degrees has its faces where they are in the photo',
  async (deg) => {
    const turned = await sharp(scene).rotate(deg).png().toBuffer();
    const options = { pack, networks, maxImagePixels: 1_000_000 };
    const image = await analyzeImage(turned, { ...options, kind: 'turned-photo' });
    const { width, height } = await sharp(turned).metadata();
    expect(image).toMatchObject({ widthPx: width, heightPx: height });
    const [face] = image.faces;
    const [expected] = (await analyze(scene, true)).image.faces;
    expect(cosine(face?.embedding as Float32Array, expected?.embedding as Float32Array)).toBeGreaterThan(
      0.95,
    );
    // The face was drawn at (160, 90), 150 pixels large.
    const centre = { 90: [155, 235], 180: [245, 155], 270: [165, 245] }[deg];
    const box = face?.box ?? { x: 0, y: 0, width: 0, height: 0 };
    const found = [box.x + box.width / 2, box.y + box.height / 2];
    expect(Math.hypot((found[0] ?? 0) - (centre[0] ?? 0), (found[1] ?? 0) - (centre[1] ?? 0))).toBeLessThan(
      12,
    );
  },
);
