import sharp, { type Sharp } from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FACE_BOX, LANDMARKS } from '../../../scripts/tiny/drawn-face.mjs';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import type { Face, AnalyzedImage } from '../../../src/child/engine/engine.js';
import { ImageError } from '../../../src/shared/errors.js';
import { cosine } from '../../support/cosine.js';
import { type Orientation, storeTurned } from '../../support/exif-orientation.js';
import { createModelFolder } from '../../support/model-folder.js';
import { openPipeline, type Pipeline } from '../../support/pipeline.js';

interface Drawn {
  readonly person: number;
  readonly x: number;
  readonly y: number;
  readonly sizePx: number;
}

/** From the left. */
const PEOPLE: readonly Drawn[] = [
  { person: 7, x: 60, y: 110, sizePx: 120 },
  { person: 300, x: 330, y: 140, sizePx: 90 },
  { person: 512, x: 520, y: 190, sizePx: 60 },
];
const SIZE = { widthPx: 640, heightPx: 360 };

// The worst of all forms below, measured: 0.1 pixels and a cosine of 0.9997.
const BOX_TOLERANCE_PX = 2;
const LEAST_COSINE = 0.998;

let pipeline: Pipeline;
let scene: Buffer;
let expected: AnalyzedImage;
beforeAll(async () => {
  const models = await createModelFolder();
  pipeline = await openPipeline('tiny', models.directory);
  await models.remove();
  scene = await drawScene({ ...SIZE, faces: PEOPLE });
  expected = await pipeline.analyze(scene);
});
afterAll(() => pipeline.close());

const fromLeft = (image: AnalyzedImage): Face[] => image.faces.toSorted((a, b) => a.box.x - b.box.x);

function expectSameFaces(found: AnalyzedImage): void {
  expect([found.widthPx, found.heightPx]).toEqual([SIZE.widthPx, SIZE.heightPx]);
  expect(found.faces).toHaveLength(PEOPLE.length);
  for (const [i, face] of fromLeft(found).entries()) {
    const same = fromLeft(expected)[i] as Face;
    for (const key of ['x', 'y', 'width', 'height'] as const) {
      expect(Math.abs(face.box[key] - same.box[key])).toBeLessThan(BOX_TOLERANCE_PX);
    }
    expect(cosine(face.embedding, same.embedding)).toBeGreaterThan(LEAST_COSINE);
  }
}

/** Within the shares of a face that the tiny detector itself is held to. */
function expectWhereDrawn({ box, landmarks }: Face, { x, y, sizePx }: Drawn): void {
  const centre = { x: box.x + box.width / 2, y: box.y + box.height / 2 };
  expect(Math.hypot(centre.x - x - sizePx / 2, centre.y - y - sizePx / 2) / sizePx).toBeLessThan(0.06);
  expect(Math.abs(box.width / sizePx - 1)).toBeLessThan(0.12);
  expect(Math.abs(box.height / sizePx - 1)).toBeLessThan(0.12);
  for (const [i, landmark] of LANDMARKS.entries()) {
    const drawnX = x + ((landmark.x - FACE_BOX.x) / FACE_BOX.size) * sizePx;
    const drawnY = y + ((landmark.y - FACE_BOX.y) / FACE_BOX.size) * sizePx;
    const found = landmarks[i] ?? { x: Number.NaN, y: Number.NaN };
    expect(Math.hypot(found.x - drawnX, found.y - drawnY) / sizePx).toBeLessThan(0.09);
  }
}

const enlarge = (factor: number): Drawn[] =>
  PEOPLE.map(({ person, x, y, sizePx }) => ({
    person,
    x: x * factor,
    y: y * factor,
    sizePx: sizePx * factor,
  }));

describe('an image of three people', () => {
  it('has three faces at the drawn places, best first, each with an embedding of length 1', () => {
    expect(expected.faces).toHaveLength(3);
    for (const [i, face] of fromLeft(expected).entries()) {
      expectWhereDrawn(face, PEOPLE[i] as Drawn);
      expect(face.embedding).toHaveLength(512);
      expect(Math.hypot(...face.embedding)).toBeCloseTo(1, 6);
      expect(face.score).toBeGreaterThanOrEqual(0.6);
      expect(face.score).toBeLessThanOrEqual(1);
    }
    const scores = expected.faces.map(({ score }) => score);
    expect(scores).toEqual(scores.toSorted((a, b) => b - a));
    const [first, second, third] = expected.faces.map(({ embedding }) => embedding);
    for (const [a, b] of [
      [first, second],
      [first, third],
      [second, third],
    ]) {
      expect(cosine(a as Float32Array, b as Float32Array)).toBeLessThan(0.5);
    }
  });

  it.each<[string, (image: Sharp) => Sharp]>([
    ['JPEG', (image) => image.jpeg()],
    ['coarse JPEG', (image) => image.jpeg({ quality: 60 })],
    ['grey JPEG', (image) => image.toColourspace('b-w').jpeg()],
    ['CMYK JPEG', (image) => image.toColourspace('cmyk').jpeg()],
    ['PNG with an alpha channel', (image) => image.ensureAlpha(0.999).png()],
    ['PNG of 16 bits', (image) => image.toColourspace('rgb16').png()],
    ['PNG with a palette', (image) => image.png({ palette: true })],
    ['WebP', (image) => image.webp()],
    ['AVIF', (image) => image.avif({ effort: 1 })],
    ['GIF', (image) => image.gif()],
    ['TIFF', (image) => image.tiff()],
  ])('has the same faces as %s', async (_, encode) => {
    expectSameFaces(await pipeline.analyze(await encode(sharp(scene)).toBuffer()));
  });

  it.each(['gif', 'webp'] as const)(
    'has the same faces as the first frame of an animated %s',
    async (format) => {
      const nobody = await drawScene({ ...SIZE, faces: [] });
      const animated = sharp([scene, nobody], { join: { animated: true } }).toFormat(format);
      expectSameFaces(await pipeline.analyze(await animated.toBuffer()));
    },
  );

  it.each<Orientation[]>([[1], [2], [3], [4], [5], [6], [7], [8]])(
    'has the same faces however the camera was held: orientation %i',
    async (orientation) => {
      const stored = await storeTurned(scene, orientation);
      const { width } = await sharp(stored).metadata();
      expect(width).toBe(orientation < 5 ? SIZE.widthPx : SIZE.heightPx);
      expectSameFaces(await pipeline.analyze(stored));
    },
  );
});

describe('coordinates are pixels of the whole image', () => {
  const factor = 4;
  const size = { widthPx: SIZE.widthPx * factor, heightPx: SIZE.heightPx * factor };

  it.each<Orientation[]>([[1], [3], [6], [8]])(
    'as a person sees it, in an image larger than what is worked on: orientation %i',
    async (orientation) => {
      const large = enlarge(factor);
      const stored = await storeTurned(await drawScene({ ...size, faces: large }), orientation);

      const image = await pipeline.analyze(stored);

      expect([image.widthPx, image.heightPx]).toEqual([size.widthPx, size.heightPx]);
      expect(image.faces).toHaveLength(large.length);
      for (const [i, face] of fromLeft(image).entries()) {
        expectWhereDrawn(face, large[i] as Drawn);
        expect(cosine(face.embedding, (fromLeft(expected)[i] as Face).embedding)).toBeGreaterThan(0.95);
      }
    },
  );

  it('at the far end of a strip whose short side does not shrink to a whole number of pixels', async () => {
    const drawn = { person: 7, x: 60, y: 4800, sizePx: 140 };
    const strip = await drawScene({ widthPx: 253, heightPx: 5000, faces: [drawn] });

    const { faces } = await pipeline.analyze(strip);

    expect(faces).toHaveLength(1);
    expectWhereDrawn(faces[0] as Face, drawn);
  });
});

describe('an image without faces', () => {
  it.each([
    [1, 1],
    [2, 2],
    [33, 31],
    [20_000, 1],
    [1, 20_000],
    [1921, 1],
  ])('of %i x %i pixels is no error', async (width, height) => {
    const encoded = await sharp({ create: { width, height, channels: 3, background: '#888' } })
      .png()
      .toBuffer();
    expect(await pipeline.analyze(encoded)).toEqual({ widthPx: width, heightPx: height, faces: [] });
  });
});

describe('an image that cannot be used is rejected with an ImageError', () => {
  it.each<[string, () => Promise<AnalyzedImage>, string]>([
    ['no base64', () => pipeline.analyze({ kind: 'base64', text: '_' }), 'not valid base64'],
    ['cut off', async () => pipeline.analyze(scene.subarray(0, 5000)), 'cannot be decoded'],
    [
      'too many bytes',
      async () => pipeline.analyze(scene, { maxImageBytes: 5000 }),
      'at most 5000 are allowed',
    ],
    [
      'too many pixels',
      async () => pipeline.analyze(scene, { maxImagePixels: 5000 }),
      '230400 pixels (640 x 360); at most 5000 are allowed',
    ],
  ])('%s', async (_, analyze, sentence) => {
    const refusal = analyze();
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
    await expect(refusal).rejects.toThrow(sentence);
  });
});
