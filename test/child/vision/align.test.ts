import { describe, expect, it } from 'vitest';
import type { Landmarks, Point } from '../../../src/shared/face.js';
import { alignFace as alignIn, fitSimilarity } from '../../../src/child/vision/align.js';
import { createCopies, type Similarity } from '../../../src/child/vision/pixels/copies.js';
import { ALIGNED_SIZE_PX } from '../../../src/shared/face.js';
import type { RgbImage } from '../../../src/child/vision/pixels/rgb-image.js';
import { LANDMARKS } from '../../../scripts/tiny/drawn-face.mjs';

type Colour = readonly [red: number, green: number, blue: number];

const TEMPLATE: Landmarks = LANDMARKS;
const WHITE: Colour = [255, 255, 255];

const alignFace = (image: RgbImage, landmarks: Landmarks): RgbImage =>
  alignIn(createCopies(image), landmarks);

function similarity(degrees: number, scale: number, tx: number, ty: number): Similarity {
  const angle = (degrees * Math.PI) / 180;
  return { a: scale * Math.cos(angle), b: scale * Math.sin(angle), tx, ty };
}

const move = ({ a, b, tx, ty }: Similarity, { x, y }: Point): Point => ({
  x: a * x - b * y + tx,
  y: b * x + a * y + ty,
});

function moveAll(by: Similarity): Landmarks {
  const [a, b, c, d, e] = TEMPLATE;
  return [move(by, a), move(by, b), move(by, c), move(by, d), move(by, e)];
}

/** An image whose pixels are what `colourAt` says. */
function paint(widthPx: number, heightPx: number, colourAt: (x: number, y: number) => Colour): RgbImage {
  const data = new Uint8Array(3 * widthPx * heightPx);
  for (let i = 0; i < widthPx * heightPx; i += 1) {
    data.set(colourAt(i % widthPx, Math.floor(i / widthPx)), 3 * i);
  }
  return { widthPx, heightPx, data };
}

function colourOf({ data, widthPx }: RgbImage, x: number, y: number): number[] {
  const pixel = 3 * (Math.round(y) * widthPx + Math.round(x));
  return [...data.subarray(pixel, pixel + 3)];
}

describe('the fitted similarity', () => {
  it.each<[string, Similarity]>([
    ['nothing', similarity(0, 1, 0, 0)],
    ['a move', similarity(0, 1, -30.5, 700.25)],
    ['a half', similarity(0, 0.5, 0, 0)],
    ['a quarter turn', similarity(90, 1, 0, 0)],
    ['half a turn', similarity(180, 1, 112, 112)],
    ['all three', similarity(-37, 4.25, 1000, -20)],
    ['a large face far away', similarity(200, 30, 1e5, 1e5)],
  ])('is exactly the one that the points were moved by: %s', (_, by) => {
    const fitted = fitSimilarity(TEMPLATE, moveAll(by));
    expect(fitted.a).toBeCloseTo(by.a, 9);
    expect(fitted.b).toBeCloseTo(by.b, 9);
    expect(fitted.tx).toBeCloseTo(by.tx, 6);
    expect(fitted.ty).toBeCloseTo(by.ty, 6);
  });

  it('has the least squared error', () => {
    const target = moveAll(similarity(20, 2, 50, 60)).map(({ x, y }, i) => ({
      x: x + 3 * i,
      y: y - 2 * i * i,
    }));
    const errorOf = (by: Similarity): number =>
      TEMPLATE.reduce((sum, point, i) => {
        const [moved, goal] = [move(by, point), target[i] as Point];
        return sum + (moved.x - goal.x) ** 2 + (moved.y - goal.y) ** 2;
      }, 0);
    const fitted = fitSimilarity(TEMPLATE, target);
    for (const key of ['a', 'b', 'tx', 'ty'] as const) {
      for (const step of [-1e-3, 1e-3]) {
        expect(errorOf({ ...fitted, [key]: fitted[key] + step })).toBeGreaterThan(errorOf(fitted));
      }
    }
  });

  it('needs the same number of points on both sides', () => {
    expect(() => fitSimilarity(TEMPLATE, TEMPLATE.slice(1))).toThrow('differ in length');
  });
});

describe('an aligned face', () => {
  const COLOURS: readonly Colour[] = [
    [255, 0, 0],
    [0, 255, 0],
    [0, 0, 255],
    [255, 255, 0],
    [0, 255, 255],
  ];

  /** White, with a disc of another colour on each landmark. */
  const paintDiscs = (landmarks: Landmarks, radiusPx: number, sidePx: number): RgbImage =>
    paint(sidePx, sidePx, (x, y) => {
      const disc = landmarks.findIndex((point) => Math.hypot(point.x - x, point.y - y) <= radiusPx);
      return COLOURS[disc] ?? WHITE;
    });

  it.each<[string, Similarity, number]>([
    ['as it is', similarity(0, 1, 0, 0), 112],
    ['tilted', similarity(30, 1, 60, 5), 200],
    ['upside down', similarity(180, 1, 150, 150), 160],
    ['small', similarity(-15, 0.5, 20, 40), 120],
    ['large', similarity(75, 3, 350, 20), 500],
    ['very large', similarity(-120, 7, 500, 1000), 1200],
  ])('has its landmarks on the template, whether it was %s', (_, by, sidePx) => {
    const landmarks = moveAll(by);
    const scale = Math.hypot(by.a, by.b);
    const crop = alignFace(paintDiscs(landmarks, 5 * scale, sidePx), landmarks);

    expect([crop.widthPx, crop.heightPx, crop.data.length]).toEqual([
      ALIGNED_SIZE_PX,
      ALIGNED_SIZE_PX,
      3 * ALIGNED_SIZE_PX ** 2,
    ]);
    for (const [i, { x, y }] of TEMPLATE.entries()) {
      // The middle of the disc, and white at its four sides.
      expect(colourOf(crop, x, y)).toEqual(COLOURS[i]);
      for (const [dx, dy] of [
        [-8, 0],
        [8, 0],
        [0, -8],
        [0, 8],
      ] as const) {
        expect(colourOf(crop, x + dx, y + dy)).toEqual(WHITE);
      }
    }
  });

  it('is unchanged if it lies on the template already', () => {
    const image = paint(112, 112, (x, y) => [2 * x, 2 * y, (x * y) % 256]);
    expect(alignFace(image, TEMPLATE).data).toEqual(image.data);
  });

  it('is black beyond the image', () => {
    const by = similarity(0, 1, -56, 0);
    const crop = alignFace(
      paint(300, 60, () => WHITE),
      moveAll(by),
    );
    const expected = paint(112, 112, (x, y) => (x >= 56 && y < 60 ? WHITE : [0, 0, 0]));
    expect(crop.data).toEqual(expected.data);
  });

  it('is black if it lies outside the image', () => {
    const crop = alignFace(
      paint(50, 50, () => WHITE),
      moveAll(similarity(0, 1, 1000, 1000)),
    );
    expect(crop.data.every((value) => value === 0)).toBe(true);
  });

  it('is black if a landmark is not a number, and not the face before it', () => {
    const white = paint(300, 300, () => WHITE);
    const [first, ...others] = moveAll(similarity(0, 1, 100, 100));
    expect(alignFace(white, [first, ...others]).data).toContain(255);
    const crop = alignFace(white, [{ x: NaN, y: 0 }, ...others]);
    expect(crop.data.every((value) => value === 0)).toBe(true);
  });

  it('is interpolated between the pixels of a small image', () => {
    const ramp = paint(80, 80, (x) => [3 * x, 0, 0]);
    const crop = alignFace(ramp, moveAll(similarity(0, 0.5, 4, 4)));
    // The crop's pixel 41 comes from 0.5 * 41 + 4 = 24.5.
    expect(colourOf(crop, 41, 50)).toEqual([Math.round(3 * 24.5), 0, 0]);
  });

  it.each([
    [2, 1],
    [4, 2],
  ])(
    'is averaged over an image that is %i times as large: squares of %i pixels turn grey',
    (scale, squarePx) => {
      const side = 112 * scale + 20;
      const board = paint(side, side, (x, y) =>
        (Math.floor(x / squarePx) + Math.floor(y / squarePx)) % 2 === 0 ? WHITE : [0, 0, 0],
      );
      const crop = alignFace(board, moveAll(similarity(0, scale, 10, 10)));
      expect(Math.min(...crop.data)).toBeGreaterThan(125);
      expect(Math.max(...crop.data)).toBeLessThan(130);
    },
  );
});
