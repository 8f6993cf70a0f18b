import sharp, { type Sharp } from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { openTinyEngine } from './tiny-engine.js';

const PERSON_COUNT = 120;

let engine: Awaited<ReturnType<typeof openTinyEngine>>;
const gallery: Float32Array[] = [];

/** Draws one person, changes the picture, and embeds the face that the detector finds in it. */
async function embedPerson(
  person: number,
  sizePx: number,
  change: (picture: Sharp) => Sharp = (picture) => picture,
): Promise<Float32Array> {
  const side = Math.ceil(sizePx * 2.2);
  const faces = [{ person, x: sizePx * 0.55, y: sizePx * 0.62, sizePx }];
  const drawn = await drawScene({ widthPx: side, heightPx: side, faces });
  const picture = await change(sharp(drawn)).toBuffer();
  const found = await engine.detect(picture);
  const [embedding] = await engine.embed(picture, found);
  if (embedding === undefined) throw new Error(`Person ${person} of ${sizePx} px was not found`);
  return embedding;
}

function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);
}

beforeAll(async () => {
  engine = await openTinyEngine();
  for (let person = 0; person < PERSON_COUNT; person++) gallery.push(await embedPerson(person, 104));
});

describe('the tiny embedder', () => {
  it('distinguishes people', () => {
    const cosines = gallery.flatMap((embedding, i) =>
      gallery.slice(0, i).map((other) => cosine(embedding, other)),
    );

    expect(cosines).toHaveLength((PERSON_COUNT * (PERSON_COUNT - 1)) / 2);
    expect(Math.max(...cosines)).toBeLessThan(0.5);
  });

  it.each<[string, number, (picture: Sharp) => Sharp]>([
    ['drawn small', 26, (picture) => picture],
    ['drawn large', 190, (picture) => picture],
    ['as a JPEG', 72, (picture) => picture.jpeg({ quality: 60 })],
    ['as an AVIF', 72, (picture) => picture.avif({ quality: 50, effort: 2 })],
    ['in grey', 80, (picture) => picture.greyscale().webp({ quality: 70 })],
  ])('knows a person again %s', async (_, sizePx, change) => {
    for (let person = 0; person < PERSON_COUNT; person += 5) {
      const embedding = await embedPerson(person, sizePx, change);
      const scores = gallery.map((other) => cosine(embedding, other));

      expect(scores[person], `person ${person}`).toBeGreaterThan(0.75);
      expect(scores.indexOf(Math.max(...scores))).toBe(person);
    }
  });

  it('recognises every person of a group, embedded in one run', async () => {
    const faces = [11, 47, 82].map((person, i) => ({ person, x: 60 + 150 * i, y: 80 + 10 * i, sizePx: 90 }));
    const picture = await drawScene({ widthPx: 520, heightPx: 260, faces });
    const found = (await engine.detect(picture)).toSorted((a, b) => a.centreX - b.centreX);

    const embeddings = await engine.embed(picture, found);

    const known = embeddings.map((embedding) => {
      const scores = gallery.map((other) => cosine(embedding, other));
      return scores.indexOf(Math.max(...scores));
    });
    expect(known).toEqual([11, 47, 82]);
  });
});
