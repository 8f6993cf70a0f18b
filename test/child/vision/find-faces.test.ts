import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import sharp from 'sharp';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { decodeImage } from '../../../src/child/vision/decode.js';
import type { RunDetector } from '../../../src/child/vision/detect.js';
import { findFaces, type FoundFaces } from '../../../src/child/vision/find-faces.js';
import { createModelFolder } from '../../support/model-folder.js';

const MAX_PIXELS = 100_000_000;

let pack: ModelPack;
let networks: Networks;
/** Pictures that the detector was shown. */
let looks = 0;

beforeAll(async () => {
  const models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  networks = await openNetworks(pack, 'cpu', 1);
  await models.remove();
});
afterAll(() => networks.release());
beforeEach(() => {
  looks = 0;
});

const countLooks: RunDetector = (input, count, size) => {
  looks += count;
  return networks.runDetector(input, count, size);
};

async function findIn(scene: Parameters<typeof drawScene>[0]): Promise<FoundFaces> {
  const encoded = await drawScene(scene);
  const image = await decodeImage(encoded, MAX_PIXELS);
  return findFaces(encoded, image, MAX_PIXELS, pack.detector, countLooks);
}

/** Four rows of five, smaller and smaller to the back. */
const GROUP = [240, 95, 60, 40].flatMap((sizePx, row) =>
  Array.from({ length: 5 }, (_, i) => ({
    person: 10 * row + i,
    x: 300 + 700 * i,
    y: 2100 - 500 * row,
    sizePx,
  })),
);

describe('a large group photo', () => {
  it('gets a second pass that finds the faces of the last row, each once', async () => {
    const { image, faces } = await findIn({ widthPx: 4000, heightPx: 2600, faces: GROUP });

    expect(looks).toBe(1 + 5 * 4);
    expect([image.widthPx, image.heightPx]).toEqual([4000, 2600]);
    expect(faces).toHaveLength(GROUP.length);
    for (const { x, y, sizePx } of GROUP) {
      const near = faces.filter(
        ({ box }) =>
          Math.abs(box.x + box.width / 2 - x - sizePx / 2) < sizePx / 4 &&
          Math.abs(box.y + box.height / 2 - y - sizePx / 2) < sizePx / 4,
      );
      expect(near, `the face of ${sizePx} pixels at ${x}, ${y}`).toHaveLength(1);
    }
    const scores = faces.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
  });

  it('gets a second pass if the first pass finds no face', async () => {
    const drawn = { person: 7, x: 2000, y: 1000, sizePx: 50 };
    const { faces } = await findIn({ widthPx: 4000, heightPx: 2600, faces: [drawn] });

    expect(looks).toBe(1 + 5 * 4);
    expect(faces).toHaveLength(1);
  });

  it('is tiled at no more than 4,096 pixels per side', async () => {
    const { image } = await findIn({ widthPx: 6000, heightPx: 3000, faces: [] });

    expect([image.widthPx, image.heightPx]).toEqual([4096, 2048]);
  });
});

describe('one pass is enough', () => {
  it('for a large photo whose faces are all large', async () => {
    const drawn = { person: 7, x: 1500, y: 900, sizePx: 600 };
    const { image, faces } = await findIn({ widthPx: 4000, heightPx: 2600, faces: [drawn] });

    expect(looks).toBe(1);
    expect(image.widthPx).toBe(1920);
    expect(faces).toHaveLength(1);
  });

  it.each([
    ['has 48 pixels in the copy that is quick to decode', 250, 1000],
    ['has fewer, and is cut out of a larger copy', 120, 1920],
  ])('for a JPEG, and a face that %s', async (_, sizePx, sidePx) => {
    const face = { person: 7, x: 1500, y: 900, sizePx };
    const drawn = await drawScene({ widthPx: 3000, heightPx: 2000, faces: [face] });
    const encoded = await sharp(drawn).jpeg({ quality: 95 }).toBuffer();
    const decoded = await decodeImage(encoded, MAX_PIXELS);
    const { image, faces } = await findFaces(encoded, decoded, MAX_PIXELS, pack.detector, countLooks);

    expect(looks).toBe(1);
    expect(image.widthPx).toBe(sidePx);
    expect(faces).toHaveLength(1);
    const width = ((faces[0]?.box.width ?? NaN) * 3000) / sidePx;
    expect(Math.abs(width - sizePx)).toBeLessThan(sizePx / 3);
  });

  it('for a photo that is hardly larger than the image of the first pass', async () => {
    await findIn({ widthPx: 1100, heightPx: 800, faces: [] });

    expect(looks).toBe(1);
  });
});
