import { describe, expect, test } from 'vitest';
import { createSelfieProbe } from '../../../src/child/search/selfie-probe.js';
import type { Face, AnalyzedImage, WorkOptions } from '../../../src/child/engine/engine.js';
import { ImageError, JobError } from '../../../src/shared/errors.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';

interface Look {
  readonly cosine: number;
  readonly sizePx?: number;
  readonly sharpness?: number;
}

const point = { x: 0, y: 0 };

function faceOf({ cosine, sizePx = 200, sharpness = 100 }: Look): Face {
  return {
    box: { x: 0, y: 0, width: sizePx, height: sizePx },
    landmarks: [point, point, point, point, point],
    score: 0.9,
    sharpness,
    embedding: Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2)),
  };
}

/** Finds the person of selfies that are named here; one that is not is no picture. */
async function find(selfies: readonly string[], shown: Readonly<Record<string, readonly Look[]>>) {
  const log: string[] = [];
  const engine = {
    ...createScriptedEngine(),
    analyze: async (source: { readonly kind: string; readonly text?: string }): Promise<AnalyzedImage> => {
      const faces = shown[source.text ?? ''];
      if (faces === undefined) throw new ImageError('It is no picture.');
      return { widthPx: 200, heightPx: 200, faces: faces.map(faceOf) };
    },
  };
  const { signal } = new AbortController();
  const probe = await createSelfieProbe(selfies, { engine, signal, log: (line) => log.push(line) });
  return { probe, log };
}

describe('the person of a selfie', () => {
  test('is its face, as it is', async () => {
    const { probe, log } = await find(['a'], { a: [{ cosine: 0.8 }] });
    expect([...probe]).toEqual([...Float32Array.of(0.8, 0.6)]);
    expect(log).toEqual([]);
  });

  test('is found on a device without memory too, of which the log says what had to be done', async () => {
    const log: string[] = [];
    const engine = {
      ...createScriptedEngine(),
      analyze: async (_: unknown, { note }: WorkOptions = {}): Promise<AnalyzedImage> => {
        note?.('Smaller batches are tried.');
        return { widthPx: 200, heightPx: 200, faces: [faceOf({ cosine: 1 })] };
      },
    };
    await createSelfieProbe(['a'], {
      engine,
      signal: new AbortController().signal,
      log: (line) => log.push(line),
    });
    expect(log).toEqual(['Smaller batches are tried.']);
  });

  test('may be small or blurred where there is nothing better', async () => {
    const { probe } = await find(['a'], { a: [{ cosine: 0.6, sizePx: 12, sharpness: 0 }] });
    expect(probe[0]).toBeCloseTo(0.6, 6);
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
    expect(log).toEqual(['Selfie 1: used', 'Selfie 2: used']);
  });

  test('is made of the good ones alone, and the log has the verdict of each', async () => {
    const { probe, log } = await find(['good', 'small', 'blurred', 'nobody', 'broken'], {
      good: [{ cosine: 1 }],
      small: [{ cosine: 0, sizePx: 20 }],
      blurred: [{ cosine: 0, sharpness: 3 }],
      nobody: [],
    });
    expect([...probe]).toEqual([1, 0]);
    expect(log.toSorted()).toEqual([
      'Selfie 1: used',
      'Selfie 2: too small',
      'Selfie 3: blurred',
      'Selfie 4 shows no face',
      'Selfie 5 cannot be used: It is no picture.',
    ]);
  });

  test('is made of poor ones where there are no others', async () => {
    const { probe, log } = await find(['a', 'b'], {
      a: [{ cosine: 1, sizePx: 20 }],
      b: [{ cosine: 0.8, sizePx: 20 }],
    });
    expect(probe[0]).toBeGreaterThan(0.9);
    expect(log).toEqual(['Selfie 1: used, though too small', 'Selfie 2: used, though too small']);
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
