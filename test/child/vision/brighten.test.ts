import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { analyzeImage } from '../../../src/child/engine/analyze-image.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { cosine } from '../../support/cosine.js';
import { createModelFolder } from '../../support/model-folder.js';

let pack: ModelPack;
let networks: Networks;
let scene: Buffer;
beforeAll(async () => {
  const models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  networks = await openNetworks(pack, 'cpu', 1);
  await models.remove();
  scene = await drawScene({
    widthPx: 480,
    heightPx: 320,
    faces: [{ person: 7, x: 160, y: 90, sizePx: 150 }],
  });
});
afterAll(() => networks.release());

const analyze = (encoded: Buffer) =>
  analyzeImage(encoded, { pack, networks, maxImagePixels: 1_000_000, kind: 'selfie' });

test('a selfie in the dark is brightened before its face is embedded', async () => {
  const [expected] = (await analyze(scene)).faces;
  const dark = await sharp(scene).linear(0.1, 0).png().toBuffer();
  const [found] = (await analyze(dark)).faces;
  const similarity = cosine(found?.embedding as Float32Array, expected?.embedding as Float32Array);
  expect(similarity).toBeGreaterThan(0.95);
});

test('the brightness of a face is that of the photo as it was taken', async () => {
  const dark = await sharp(scene).linear(0.1, 0).png().toBuffer();
  const [found] = (await analyze(dark)).faces;
  expect(found?.brightness).toBeLessThan(30);
});

test('a black selfie has no face', async () => {
  const black = await sharp({ create: { width: 300, height: 200, channels: 3, background: '#000' } })
    .png()
    .toBuffer();
  expect((await analyze(black)).faces).toEqual([]);
});
