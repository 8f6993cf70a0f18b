import { describe, expect, it } from 'vitest';
import type { DetectorModel } from '../../../src/shared/model-pack.js';
import type { RunDetector } from '../../../src/child/vision/detect.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';
import { detectInTiles, planTiles, TILE_OVERLAP_PX, TILE_SIDE_PX } from '../../../src/child/vision/tiles.js';

describe('the tiles of an image', () => {
  it.each([
    [961, 961, 4],
    [4096, 2731, 20],
    [4096, 4096, 25],
    [1920, 640, 3],
    [1, 4096, 5],
  ])('of %i x %i pixels cover it, are of one size and overlap enough', (widthPx, heightPx, count) => {
    const tiles = planTiles({ widthPx, heightPx });

    expect(tiles).toHaveLength(count);
    expect(new Set(tiles.map((tile) => `${tile.widthPx} x ${tile.heightPx}`)).size).toBe(1);
    for (const [start, length, whole] of [
      ['x', 'widthPx', widthPx],
      ['y', 'heightPx', heightPx],
    ] as const) {
      const starts = [...new Set(tiles.map((tile) => tile[start]))].toSorted((a, b) => a - b);
      const size = tiles[0]?.[length] ?? Number.NaN;
      expect(starts[0]).toBe(0);
      expect((starts.at(-1) ?? Number.NaN) + size).toBe(whole);
      for (const [i, next] of starts.slice(1).entries()) {
        expect((starts[i] ?? Number.NaN) + size - next).toBeGreaterThanOrEqual(TILE_OVERLAP_PX);
      }
    }
  });

  it('are one if the image is no larger than a tile', () => {
    expect(planTiles({ widthPx: TILE_SIDE_PX, heightPx: 33 })).toEqual([
      { x: 0, y: 0, widthPx: TILE_SIDE_PX, heightPx: 33 },
    ]);
  });
});

const MODEL: DetectorModel = {
  file: 'detector.onnx',
  bytes: null,
  sha256: '',
  licence: 'MIT',
  nonCommercial: false,
  input: { channels: 'rgb', mean: 0, scale: 1 },
  strides: [32],
  scoreThreshold: 0.5,
  iouThreshold: 0.3,
};

/** Sees a face of 32 x 32 pixels in each cell whose upper left pixel is red. */
const seeRedCells: RunDetector = async (input, count, { widthPx, heightPx }) => {
  const [columns, rows] = [widthPx / 32, heightPx / 32];
  const cells = columns * rows;
  const seen = new Float32Array(count * cells);
  for (let image = 0; image < count; image += 1) {
    for (let cell = 0; cell < cells; cell += 1) {
      const pixel = 32 * Math.floor(cell / columns) * widthPx + 32 * (cell % columns);
      seen[image * cells + cell] = input[3 * image * widthPx * heightPx + pixel] === 255 ? 1 : 0;
    }
  }
  const bbox = Float32Array.from({ length: 4 * count * cells }, (_, i) => (i % 4 < 2 ? 0.5 : 0));
  return new Map([
    ['cls_32', seen],
    ['obj_32', seen],
    ['bbox_32', bbox],
    ['kps_32', new Float32Array(10 * count * cells)],
  ]);
};

function imageWithReds(
  widthPx: number,
  heightPx: number,
  ...reds: readonly [x: number, y: number][]
): RgbImage {
  const data = new Uint8Array(3 * widthPx * heightPx);
  for (const [x, y] of reds) data[3 * (y * widthPx + x)] = 255;
  return { data, widthPx, heightPx };
}

describe('faces in tiles', () => {
  // Two tiles: from 0 and from 800.
  const width = 1760;

  it('are in pixels of the whole image, once for every tile that shows them completely', async () => {
    const faces = await detectInTiles(imageWithReds(width, 64, [1600, 0], [832, 32]), MODEL, seeRedCells);

    const boxes = faces.map(({ box }) => box).toSorted((a, b) => a.x - b.x);
    expect(boxes).toEqual([
      { x: 832, y: 32, width: 32, height: 32 },
      { x: 832, y: 32, width: 32, height: 32 },
      { x: 1600, y: 0, width: 32, height: 32 },
    ]);
    expect(faces.map(({ landmarks }) => landmarks[0])).toContainEqual({ x: 1600, y: 0 });
  });

  it('are dropped at the cut edge of a tile, but not at the edge of the image', async () => {
    // At 800 begins the second tile, at 928 lie the last pixels of the first.
    const image = imageWithReds(width, 64, [0, 0], [800, 0], [928, 0], [1728, 32]);

    const faces = await detectInTiles(image, MODEL, seeRedCells);

    expect(faces.map(({ box }) => box.x).toSorted((a, b) => a - b)).toEqual([0, 800, 928, 1728]);
  });
});
