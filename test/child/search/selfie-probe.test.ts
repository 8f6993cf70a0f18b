import { describe, expect, test } from 'vitest';
import { createSelfieProbe } from '../../../src/child/search/selfie-probe.js';
import type { Face, AnalyzedImage, WorkOptions } from '../../../src/child/engine/engine.js';
import type { Landmarks } from '../../../src/shared/face.js';
import { ImageError, JobError } from '../../../src/shared/errors.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';

interface Look {
  readonly cosine: number;
  readonly sizePx?: number;
  readonly sharpness?: number;
  readonly brightness?: number;
}

/** Of a face that looks straight ahead; only their proportions matter. */
const FRONTAL: Landmarks = [
  { x: 0, y: 0 },
  { x: 2, y: 0 },
  { x: 1, y: 1 },
  { x: 0, y: 2 },
  { x: 2, y: 2 },
];

function faceOf({ cosine, sizePx = 200, sharpness = 100, brightness = 120 }: Look): Face {
  return {
    box: { x: 0, y: 0, width: sizePx, height: sizePx },
    landmarks: FRONTAL,
    score: 0.9,
    sharpness,
    brightness,
    embedding: Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2)),
  };
}

/** Finds the person of selfies that are named here; one that is not is no image. */
async function find(selfies: readonly string[], shown: Readonly<Record<string, readonly Look[]>>) {
  const log: string[] = [];
  const engine = {
    ...createScriptedEngine(),
    analyze: async (source: { readonly kind: string; readonly text?: string }): Promise<AnalyzedImage> => {
      const faces = shown[source.text ?? ''];
      if (faces === undefined) throw new ImageError('It is no image.');
      return { widthPx: 200, heightPx: 200, faces: faces.map(faceOf) };
    },
  };
  const { signal } = new AbortController();
  const { embedding, hint } = await createSelfieProbe(selfies, {
    engine,
    signal,
    log: (line) => log.push(line),
  });
  return { probe: embedding, hint, log };
}

describe('the person of a selfie', () => {
  test('is its only face', async () => {
    const { probe, log } = await find(['a'], { a: [{ cosine: 0.8 }] });
    expect([...probe]).toEqual([...Float32Array.of(0.8, 0.6)]);
    expect(log).toEqual([]);
  });

  test('is found on an exhausted device too, and the log has the OOM fallback steps', async () => {
    const log: string[] = [];
    const engine = {
      ...createScriptedEngine(),
      analyze: async (_: unknown, { note }: WorkOptions = {}): Promise<AnalyzedImage> => {
        note?.('Trying smaller batches.');
        return { widthPx: 200, heightPx: 200, faces: [faceOf({ cosine: 1 })] };
      },
    };
    await createSelfieProbe(['a'], {
      engine,
      signal: new AbortController().signal,
      log: (line) => log.push(line),
    });
    expect(log).toEqual(['Trying smaller batches.']);
  });

  test('may be small or blurred if there is no better face', async () => {
    const { probe } = await find(['a'], { a: [{ cosine: 0.6, sizePx: 12, sharpness: 0 }] });
    expect(probe[0]).toBeCloseTo(0.6, 6);
  });
});

describe('a selfie that is hard to recognise', () => {
  test.each([
    ['too small', { sizePx: 20 }, 'from nearer'],
    ['too dark', { brightness: 5, sharpness: 1 }, 'in better light'],
    ['too bright', { brightness: 250 }, 'very bright'],
    ['blurred', { sharpness: 3 }, 'hold the camera still'],
  ])('comes with advice: %s', async (problem, look, advice) => {
    const { hint, log } = await find(['a'], { a: [{ cosine: 1, ...look }] });
    expect(hint).toContain(advice);
    expect(log).toEqual([`The selfie: searched for the only face, which is ${problem}`]);
  });

  test('needs no advice if it is good', async () => {
    expect((await find(['a'], { a: [{ cosine: 1 }] })).hint).toBeNull();
  });
});

describe('the person of several selfies', () => {
  test('lies between their faces, nearer to the sharper one, at length 1', async () => {
    const { probe, log } = await find(['a', 'b'], {
      a: [{ cosine: 1, sharpness: 400 }],
      b: [{ cosine: 0, sharpness: 25 }],
    });
    expect(Math.hypot(...probe)).toBeCloseTo(1, 6);
    expect(probe[0]).toBeGreaterThan((probe[1] ?? NaN) * 1.2);
    expect(probe[1]).toBeGreaterThan(0.3);
    expect(log).toEqual(['Selfie 1: searched for the only face', 'Selfie 2: searched for the only face']);
  });

  test('uses only the good selfies, and the log explains each', async () => {
    const { probe, log } = await find(['good', 'small', 'blurred', 'nobody', 'broken'], {
      good: [{ cosine: 1 }],
      small: [{ cosine: 0, sizePx: 20 }],
      blurred: [{ cosine: 0, sharpness: 3 }],
      nobody: [],
    });
    expect([...probe]).toEqual([1, 0]);
    expect(log.toSorted()).toEqual([
      'Selfie 1: searched for the only face',
      'Selfie 2: not used: the face is too small',
      'Selfie 3: not used: the face is blurred',
      'Selfie 4: not used: it shows no face',
      'Selfie 5: not used: It is no image.',
    ]);
  });

  test('uses poor selfies if there are no others', async () => {
    const { probe, log } = await find(['a', 'b'], {
      a: [{ cosine: 1, sizePx: 20 }],
      b: [{ cosine: 0.8, sizePx: 20 }],
    });
    expect(probe[0]).toBeGreaterThan(0.9);
    expect(log).toEqual([
      'Selfie 1: searched for the only face, which is too small',
      'Selfie 2: searched for the only face, which is too small',
    ]);
  });

  test.each([
    ['INVALID_IMAGE', ['x', 'y'], {}],
    ['NO_FACE_DETECTED', ['a', 'x'], { a: [] }],
    ['NO_FACE_DETECTED', ['a'], { a: [] }],
  ])('is nobody: %s for %o', async (code, selfies, shown) => {
    await expect(find(selfies, shown)).rejects.toSatisfy(
      (error) => error instanceof JobError && error.code === code,
    );
  });
});
