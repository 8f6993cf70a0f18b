import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ImageError } from '../../../dist/shared/errors.js';
import { createGraph } from '../../../scripts/tiny/graph.mjs';
import type { ImageSource } from '../../../src/child/engine/engine.js';
import { cosine } from '../../support/cosine.js';
import { createEngineHarness, drawPeople, type EngineHarness } from '../../support/engine-harness.js';

const BROKEN: ImageSource = { kind: 'base64', text: 'AAAA' };

let harness: EngineHarness;
let alone: ImageSource;
let together: ImageSource;

beforeAll(async () => {
  alone = await drawPeople(7);
  together = await drawPeople(7, 300);
});
beforeEach(async () => {
  harness = await createEngineHarness();
});
afterEach(() => harness.close());

describe('an engine', () => {
  it('describes itself', async () => {
    const engine = await harness.start({ threads: 2 });
    expect(engine).toMatchObject({ provider: 'cpu', capacity: 4 });
    expect(engine.name).toMatch(/^onnxruntime-node \d+\.\d+\.\d+, tiny$/);
    expect(engine.calibration.scoreOf(0.5)).toBeCloseTo(0.6, 12);
    expect(engine.silentMs()).toBe(0);
    expect(harness.threads).toHaveLength(2);
    expect(harness.lines).toEqual([]);
  });

  it('analyzes more images than it can work on at once', async () => {
    const engine = await harness.start({ threads: 2 });
    const nobody = await drawPeople();
    const sources = Array.from({ length: 12 }, (_, i) => [nobody, alone, together][i % 3] as ImageSource);
    const images = await Promise.all(sources.map((source) => engine.analyze(source)));

    expect(images.map(({ faces }) => faces.length)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    const [known] = images[1]?.faces ?? [];
    expect(known?.embedding).toHaveLength(512);
    expect(known?.box.width).toBeGreaterThan(90);
    const cosines = images[2]?.faces
      .toSorted((a, b) => a.box.x - b.box.x)
      .map(({ embedding }) => cosine(embedding, known?.embedding ?? new Float32Array()));
    expect(cosines?.[0]).toBeGreaterThan(0.98);
    expect(cosines?.[1]).toBeLessThan(0.5);
  });

  it('rejects a broken image and analyzes the next one', async () => {
    const engine = await harness.start();
    const refusal = engine.analyze(BROKEN);
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
    await expect(refusal).rejects.toThrow('The image has an unknown format');
    expect((await engine.analyze(alone)).faces).toHaveLength(1);
  });

  it('enforces the configured image limits', async () => {
    const engine = await harness.start({ maxImageBytes: 1024, maxImagePixels: 100_000 });
    await expect(engine.analyze(alone)).rejects.toThrow('at most 1024 are allowed');
    const roomy = await harness.start({ maxImagePixels: 100_000 });
    await expect(roomy.analyze(alone)).rejects.toThrow('at most 100000 are allowed');
  });

  it('does not throw an ImageError if the models are at fault', async () => {
    const embedder = createSingleFaceEmbedder();
    await harness.models.write('drawn_face_embedder.onnx', embedder);
    await harness.models.changePack((pack) => {
      pack.embedder.bytes = embedder.length;
    });
    const engine = await harness.start();
    const failure = engine.analyze(together);
    await expect(failure).rejects.toThrow('cannot be reshaped');
    await expect(failure).rejects.not.toBeInstanceOf(ImageError);
    expect((await engine.analyze(alone)).faces).toHaveLength(1);
  });

  it('drops cancelled requests', async () => {
    const engine = await harness.start();
    const stop = new AbortController();
    const cancelled = Promise.allSettled([1, 2, 3].map(() => engine.analyze(alone, { signal: stop.signal })));
    const kept = engine.analyze(alone);
    const reason = new Error('cancelled');
    stop.abort(reason);
    const rejected = { status: 'rejected', reason };
    expect(await cancelled).toEqual([rejected, rejected, rejected]);
    expect((await kept).faces).toHaveLength(1);
  });
});

/** It claims to take any number of faces, but fails in the runtime with more than one. */
function createSingleFaceEmbedder(): Buffer {
  const graph = createGraph('single-face-embedder');
  const values = graph.apply('Reshape', ['input', graph.integers([1, 3 * 112 * 112])]);
  const first = graph.apply('Slice', [
    values,
    graph.integers([0]),
    graph.integers([512]),
    graph.integers([1]),
  ]);
  graph.addOutput(first, { name: 'embedding', shape: ['n', 512] });
  return graph.encode({ name: 'input', shape: ['n', 3, 112, 112] });
}

describe('a stopped engine', () => {
  it('rejects running, waiting and future requests, and ends its threads', async () => {
    const engine = await harness.start({ threads: 2 });
    const before = Promise.allSettled(Array.from({ length: 8 }, () => engine.analyze(together)));
    const stopped = engine.stop();
    const after = engine.analyze(alone);
    await expect(after).rejects.toThrow('The engine has stopped');
    const outcomes = await before;
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
    await stopped;
    expect(harness.threads.map(({ threadId }) => threadId)).toEqual([-1, -1]);
  });

  it('stops only once, and does not count as dead', async () => {
    const engine = await harness.start();
    const stopped = engine.stop();
    expect(engine.stop()).toBe(stopped);
    await stopped;
    expect(engine.stop()).toBe(stopped);
    expect(await Promise.race([engine.died, Promise.resolve('alive')])).toBe('alive');
    expect(engine.silentMs()).toBe(0);
  });
});

describe('an engine has died when one of its threads', () => {
  it.each<[string, (thread: Worker) => unknown, RegExp]>([
    ['is ended from outside', (thread) => thread.terminate(), /^An engine thread ended with code 1$/],
    [
      'breaks on what it does not know',
      (thread) => thread.postMessage(null),
      /^An engine thread died: Cannot/,
    ],
  ])('%s: it rejects what it has not answered yet, and what comes', async (_, kill, message) => {
    const engine = await harness.start({ threads: 2 });
    // Killed first, so that it cannot have answered before it dies; the engine does not know yet.
    kill(harness.threads[0] as Worker);
    const before = Promise.allSettled(Array.from({ length: 8 }, () => engine.analyze(together)));

    const death = await engine.died;

    expect(death.message).toMatch(message);
    await expect(engine.analyze(alone)).rejects.toBe(death);
    // The other thread may have answered some meanwhile; this one had two.
    const rejected = (await before).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThanOrEqual(2);
    expect(new Set(rejected.map(({ reason }) => reason as unknown))).toEqual(new Set([death]));
    await engine.stop();
    await harness.threadsEnded();
  });
});
