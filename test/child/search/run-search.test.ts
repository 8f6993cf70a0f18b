import { describe, expect, test } from 'vitest';
import { runSearch, type SearchContext } from '../../../src/child/search/run-search.js';
import type { EmbeddingStore } from '../../../src/gallery/store/embedding-store.js';
import { createFindFaces } from '../../../src/child/indexing/known-faces.js';
import { loadConfig } from '../../../src/shared/config.js';
import { JobError } from '../../../src/shared/errors.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';

const { jobs: SETTINGS, gallery: gallerySettings } = loadConfig({}, '/nowhere');
/** Remembers nothing. */
const FORGETFUL: EmbeddingStore = { read: async (hashes) => hashes.map(() => null), write: async () => {} };
const SELFIE = 'face:1';

function contextOf(data: unknown): SearchContext {
  const engine = createScriptedEngine();
  return {
    data,
    engine,
    findFaces: createFindFaces(engine, FORGETFUL),
    galleries: null,
    photos: null,
    maxImageBytes: 1000,
    settings: SETTINGS,
    gallerySettings,
    signal: new AbortController().signal,
    reportProgress: () => {},
    log: () => {},
  };
}

function start(data: unknown, settings: Partial<typeof SETTINGS> = {}, engine = createScriptedEngine()) {
  const controller = new AbortController();
  const progress: number[] = [];
  const log: string[] = [];
  const result = search({
    ...contextOf({ expand: false, ...(data as object) }),
    engine,
    findFaces: createFindFaces(engine, FORGETFUL),
    settings: { ...SETTINGS, ...settings },
    signal: controller.signal,
    reportProgress: (percent) => progress.push(percent),
    log: (line) => log.push(line),
  });
  return { result, progress, log, engine, abort: (reason: Error) => controller.abort(reason) };
}

async function search(context: SearchContext) {
  const { result, galleryLines } = await runSearch(context);
  for (const line of galleryLines) context.log(line);
  return 'matches' in result ? result.matches : result;
}

const inline = (...images: string[]) => images.map((image, index) => ({ id: `p${index}`, image }));

describe('runSearch', () => {
  test('finds the photos that show the person, best first', async () => {
    const gallery = inline('face:0.7', 'face:0.2', 'face:0.95', 'empty');
    const matches = await start({ image: SELFIE, gallery }).result;
    expect(matches.map((match) => match.id)).toEqual(['p2', 'p0']);
    expect(matches[0]?.score).toBeCloseTo(0.95, 3);
  });

  test('counts the best face of a photo', async () => {
    const matches = await start({ image: SELFIE, gallery: inline('face:0.1,0.9,0.3') }).result;
    expect(matches).toEqual([{ id: 'p0', score: expect.closeTo(0.9, 3), similarity: matches[0]?.score }]);
  });

  test('counts the best score of an id that occurs several times', async () => {
    const gallery = [
      { id: 'same', image: 'face:0.7' },
      { id: 'same', image: 'face:0.9' },
      { id: 'same', image: 'face:0.8' },
    ];
    expect(await start({ image: SELFIE, gallery }).result).toEqual([
      { id: 'same', score: expect.closeTo(0.9, 3), similarity: expect.closeTo(0.9, 3) },
    ]);
  });

  test('orders equal scores by id', async () => {
    const gallery = ['b', 'C', 'a', 'B'].map((id) => ({ id, image: 'face:0.8' }));
    const matches = await start({ image: SELFIE, gallery }).result;
    expect(matches.map((match) => match.id)).toEqual(['B', 'C', 'a', 'b']);
  });

  test("a match must reach the machine's threshold, or the job's own", async () => {
    const gallery = inline('face:0.9', 'face:0.7', 'face:0.5');
    const count = async (job: object) => (await start({ image: SELFIE, gallery, ...job }).result).length;
    expect(await count({})).toBe(2);
    expect(await count({ threshold: 0.8 })).toBe(1);
    expect(await count({ threshold: 0 })).toBe(3);
  });

  test("the result is as long as the machine's limit, or the job's own", async () => {
    const gallery = inline('face:0.9', 'face:0.8', 'face:0.7');
    const ids = async (job: object, limit: number) =>
      (await start({ image: SELFIE, gallery, ...job }, { limit }).result).map((match) => match.id);
    expect(await ids({}, 2)).toEqual(['p0', 'p1']);
    expect(await ids({ limit: 1 }, 2)).toEqual(['p0']);
    expect(await ids({ limit: 0 }, 2)).toEqual(['p0', 'p1', 'p2']);
  });

  test('reports progress that never falls', async () => {
    const { result, progress } = start({ image: SELFIE, gallery: inline(...Array(20).fill('face:0.9')) });
    await result;
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.slice(0, 2)).toEqual([5, 20]);
    expect(progress.at(-1)).toBe(95);
  });

  test('an empty gallery is not an error', async () => {
    expect(await start({ image: SELFIE, gallery: [] }).result).toEqual([]);
  });

  test('keeps as many images in flight as the capacity of the engine', async () => {
    const engine = createScriptedEngine({ capacity: 3 });
    const gallery = inline(...Array(20).fill('face:0.9'));
    expect(await start({ image: SELFIE, gallery }, {}, engine).result).toHaveLength(20);
    expect(engine.mostInFlight()).toBe(3);
  });

  test('skips broken photos, and names and counts them in the log', async () => {
    const { result, log } = start({ image: SELFIE, gallery: inline('broken', 'face:0.9', 'broken') });
    expect(await result).toHaveLength(1);
    expect(log.toSorted()).toEqual([
      'Skipped 2 of 3 photos',
      'Skipped photo p0: It is no picture.',
      'Skipped photo p2: It is no picture.',
    ]);
  });

  test('searches for the largest face in the middle of a selfie with several', async () => {
    // Faces stand from the left, the third of them in the middle.
    const gallery = [{ id: 'a', image: 'face:0.5' }];
    const { result, log } = start({ image: 'face:0,0,0.5,0', gallery, threshold: 0.9 });
    expect(await result).toHaveLength(1);
    expect(log).toEqual([expect.stringContaining('4 faces')]);
  });

  test('explains its result if the job asks for details', async () => {
    const context = contextOf({ image: 'face:0.3,1', gallery: inline('face:0.99', 'broken'), details: true });
    const { result } = await runSearch(context);
    expect(result).toEqual({
      matches: [{ id: 'p0', score: expect.any(Number), similarity: expect.any(Number) }],
      details: {
        selfies: [
          {
            turnedDeg: 0,
            faces: [
              expect.objectContaining({ sizePx: 80, problem: null }),
              expect.objectContaining({ sizePx: 79, box: { x: 0.2, y: 0.4, width: 0.1975, height: 0.1975 } }),
            ],
            searched: 1,
            reason: 'searched for the large face in the middle of 2 faces',
          },
        ],
        photos: 1,
        faces: 1,
        modelPack: 'scripted',
        threshold: 0.6,
        expandedBy: 0,
        hint: null,
      },
    });
  });

  describe('with expansion', () => {
    // Both are confident and agree; the third photo is like them, and less like the selfie.
    const gallery = inline('face:0.97', 'face:0.71', 'face:0.55');
    const idsOf = async (job: object) => {
      const { result, log } = start({ image: SELFIE, gallery, expand: true, ...job });
      return { ids: (await result).map(({ id }) => id), log };
    };

    test('confident matches help to find others, and the log says how many', async () => {
      const { ids, log } = await idsOf({});
      expect(ids).toContain('p2');
      expect(log).toEqual(['Searched again with the selfie and 2 confident matches']);
    });

    test('the job can turn it off', async () => {
      const { ids, log } = await idsOf({ expand: false });
      expect(ids).toEqual(['p0', 'p1']);
      expect(log).toEqual([]);
    });
  });

  test('uses the probe of an earlier run, and does not analyze the selfie again', async () => {
    const context = contextOf({ image: SELFIE, gallery: inline('face:0.9') });
    const { probe } = await runSearch(context);
    const engine = createScriptedEngine();
    await runSearch({ ...context, engine, savedProbe: probe });
    expect(engine.asked).toEqual([]);
  });

  test("writes the technical reason of the job's failure to its log", async () => {
    const { result, log } = start({ image: 'broken', gallery: [] });
    await expect(result).rejects.toThrow('INVALID_IMAGE: We could not open your photo.');
    expect(log).toEqual(['The selfie cannot be used: It is no picture.']);
  });

  test.each([
    ['INVALID_JOB', { gallery: [] }],
    ['INVALID_JOB', { image: SELFIE }],
    ['INVALID_IMAGE', { image: 'broken', gallery: [] }],
    ['NO_FACE_DETECTED', { image: 'empty', gallery: [] }],
    ['GALLERY_NOT_FOUND', { image: SELFIE, stage: 'Day-1' }],
  ])('fails with %s for %o', async (code, data) => {
    await expect(start(data).result).rejects.toSatisfy(
      (error) =>
        error instanceof JobError && error.code === code && /^[A-Z_]+: [A-Z].*\.$/.test(error.message),
    );
  });

  test('a fault of the machine is not a fault of the job', async () => {
    for (const data of [
      { image: 'fault', gallery: [] },
      { image: SELFIE, gallery: inline('face:0.9', 'fault', 'face:0.9') },
    ]) {
      await expect(start(data).result).rejects.toSatisfy(
        (error) => !(error instanceof JobError) && (error as Error).message === 'The device is lost.',
      );
    }
  });

  test("rejects with the signal's reason, and sends the engine no more work", async () => {
    const engine = createScriptedEngine({ capacity: 1 });
    const gallery = inline('stuck', 'face:0.9', 'face:0.9');
    const { result, abort } = start({ image: SELFIE, gallery }, {}, engine);
    await engine.held();
    const reason = new JobError('CANCELLED', 'The job was cancelled.');
    abort(reason);
    await expect(result).rejects.toBe(reason);
    expect(engine.asked).toHaveLength(2);
    expect(engine.inFlight()).toBe(0);
  });
});
