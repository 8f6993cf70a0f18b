import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { FACE_BOX, LANDMARKS } from '../../../scripts/tiny/drawn-face.mjs';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { type FoundFace, openTinyEngine } from './tiny-engine.js';

let engine: Awaited<ReturnType<typeof openTinyEngine>>;

beforeAll(async () => {
  engine = await openTinyEngine();
});

interface Drawn {
  readonly x: number;
  readonly y: number;
  readonly sizePx: number;
}

/** Largest error of the box and of the landmarks, as a share of the face. */
function errorsOf(found: FoundFace, { x, y, sizePx }: Drawn) {
  const landmarkErrors = found.landmarks.map(([foundX, foundY], i) => {
    const landmark = LANDMARKS[i] ?? { x: Number.NaN, y: Number.NaN };
    const drawnX = x + ((landmark.x - FACE_BOX.x) / FACE_BOX.size) * sizePx;
    const drawnY = y + ((landmark.y - FACE_BOX.y) / FACE_BOX.size) * sizePx;
    return Math.hypot(foundX - drawnX, foundY - drawnY) / sizePx;
  });
  const centreError = Math.hypot(found.centreX - x - sizePx / 2, found.centreY - y - sizePx / 2) / sizePx;
  return {
    centre: centreError,
    size: Math.abs(found.sizePx / sizePx - 1),
    landmarks: Math.max(...landmarkErrors),
  };
}

describe('the tiny detector', () => {
  it.each([24, 28, 33, 41, 57, 70, 88, 101, 125, 150, 176, 200, 300])(
    'finds a face of %i pixels, its box and its landmarks',
    async (sizePx) => {
      const drawn = { x: 60.3, y: 0.6 * sizePx + 3.7, sizePx };
      const side = Math.ceil(120 + sizePx * 2);

      const faces = await engine.detect(
        await drawScene({ widthPx: side, heightPx: side, faces: [{ person: sizePx, ...drawn }] }),
      );

      expect(faces).toHaveLength(1);
      const errors = errorsOf(faces[0] as FoundFace, drawn);
      expect(errors.centre).toBeLessThan(0.06);
      expect(errors.size).toBeLessThan(0.12);
      expect(errors.landmarks).toBeLessThan(0.09);
    },
  );

  it('finds every face of a group, large and small', async () => {
    const drawn = [
      { person: 1, x: 60, y: 120, sizePx: 140 },
      { person: 2, x: 270, y: 60, sizePx: 60 },
      { person: 3, x: 380, y: 200, sizePx: 100 },
      { person: 4, x: 280, y: 210, sizePx: 40 },
      { person: 5, x: 280, y: 330, sizePx: 28 },
    ];

    const faces = await engine.detect(await drawScene({ widthPx: 560, heightPx: 400, faces: drawn }));

    expect(faces).toHaveLength(drawn.length);
    for (const face of drawn) {
      const errors = faces.map((found) => errorsOf(found, face).landmarks);
      expect(Math.min(...errors), `person ${face.person}`).toBeLessThan(0.09);
    }
  });

  it.each(['white', 'black', '#808080', '#7a1f1f'])(
    'finds none on a plain %s picture',
    async (background) => {
      const picture = await drawScene({ widthPx: 320, heightPx: 256, faces: [], background });

      expect(await engine.detect(picture)).toEqual([]);
    },
  );

  it('finds none in noise', async () => {
    const picture = await sharp({
      create: {
        width: 640,
        height: 480,
        channels: 3,
        background: 'grey',
        noise: { type: 'gaussian', mean: 128, sigma: 50 },
      },
    })
      .png()
      .toBuffer();

    expect(await engine.detect(picture)).toEqual([]);
  });

  it('finds none on its side or upside down', async () => {
    const upright = await drawScene({
      widthPx: 320,
      heightPx: 320,
      faces: [{ person: 9, x: 110, y: 120, sizePx: 100 }],
    });

    for (const degrees of [90, 180, 270]) {
      expect(await engine.detect(await sharp(upright).rotate(degrees).png().toBuffer())).toEqual([]);
    }
  });

  it.each<[string, (picture: Sharp) => Sharp]>([
    ['JPEG', (picture) => picture.jpeg({ quality: 60 })],
    ['WebP', (picture) => picture.webp({ quality: 60 })],
    ['AVIF', (picture) => picture.avif({ quality: 50, effort: 2 })],
    ['grey', (picture) => picture.greyscale().png()],
    ['dim', (picture) => picture.linear(0.5, 20).png()],
    ['shrunk', (picture) => picture.resize(260).png()],
  ])('finds the same faces in a %s picture', async (_, change) => {
    const faces = [3, 4, 5].map((person, i) => ({ person, x: 40 + 130 * i, y: 100, sizePx: 50 + 20 * i }));
    const picture = await drawScene({ widthPx: 450, heightPx: 300, faces });

    expect(await engine.detect(await change(sharp(picture)).toBuffer())).toHaveLength(3);
  });
});
