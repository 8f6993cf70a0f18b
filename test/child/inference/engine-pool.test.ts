import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
// Built, because a thread starts from a file that Node can run.
import { createEngine } from '../../../dist/child/inference/engine-pool.js';
import { ImageError, StartupError } from '../../../dist/shared/errors.js';
import { createGraph } from '../../../scripts/tiny/graph.mjs';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import type { Engine, PictureSource } from '../../../src/child/inference/engine.js';
import type { Config } from '../../../src/shared/config.js';
import type { Device } from '../../../src/shared/device.js';
import { EXIT_CODES } from '../../../src/shared/exit-codes.js';
import { CPU, GPU } from '../../support/devices.js';
import { type LogLine, recordLog } from '../../support/log-recorder.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

const runtime = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const hasCuda = existsSync(path.join(runtime, 'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so'));

let models: ModelFolder;
let engines: Engine[];
let lines: readonly LogLine[];
/** Every thread that was started, as Node itself hands it out. */
let threads: Worker[];
const keepThread = (thread: Worker): void => void threads.push(thread);

beforeEach(async () => {
  models = await createModelFolder();
  engines = [];
  threads = [];
  process.on('worker', keepThread);
});
afterEach(async () => {
  process.off('worker', keepThread);
  await Promise.all(engines.map((engine) => engine.stop()));
  await models.remove();
});

async function start(settings: Partial<Config['engine']> = {}, device: Device = CPU): Promise<Engine> {
  const log = recordLog();
  lines = log.lines;
  const config = {
    provider: 'auto',
    modelPack: 'tiny',
    modelsDir: models.directory,
    threads: 1,
    maxImageBytes: 20_000_000,
    maxImagePixels: 100_000_000,
    ...settings,
  } as const;
  const engine = await createEngine({ device, config, logger: log.logger });
  engines.push(engine);
  return engine;
}

/** What starting fails with. */
async function failureOf(settings: Partial<Config['engine']>, device: Device = CPU): Promise<StartupError> {
  const error: unknown = await start(settings, device).then(
    () => new Error('The engine started'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  return error as StartupError;
}

const sourceOf = (picture: Buffer): PictureSource => ({ kind: 'base64', text: picture.toString('base64') });

const draw = async (...people: number[]): Promise<PictureSource> =>
  sourceOf(
    await drawScene({
      widthPx: 480,
      heightPx: 320,
      faces: people.map((person, i) => ({ person, x: 40 + 200 * i, y: 90, sizePx: 110 })),
    }),
  );

const BROKEN: PictureSource = { kind: 'base64', text: 'AAAA' };

let alone: PictureSource;
let together: PictureSource;
beforeAll(async () => {
  alone = await draw(7);
  together = await draw(7, 300);
});

const cosine = (a: Float32Array, b: Float32Array): number =>
  a.reduce((sum, value, i) => sum + value * (b[i] ?? Number.NaN), 0);

/** Resolves once every thread has ended. */
const threadsEnded = async (): Promise<void> => {
  const alive = threads.filter(({ threadId }) => threadId !== -1);
  await Promise.all(alive.map((thread) => once(thread, 'exit')));
};

describe('an engine', () => {
  it('says what it is', async () => {
    const engine = await start({ threads: 2 });
    expect(engine).toMatchObject({ provider: 'cpu', threads: 2, capacity: 4 });
    expect(engine.name).toMatch(/^onnxruntime-node \d+\.\d+\.\d+, tiny$/);
    expect(engine.scoreOf(0.5)).toBeCloseTo(0.6, 12);
    expect(engine.silentMs()).toBe(0);
    expect(threads).toHaveLength(2);
    expect(lines).toEqual([]);
  });

  it('answers more pictures than it has room for, each with its own faces', async () => {
    const engine = await start({ threads: 2 });
    const nobody = await draw();
    const sources = Array.from({ length: 12 }, (_, i) => [nobody, alone, together][i % 3] as PictureSource);
    const pictures = await Promise.all(sources.map((source) => engine.analyze(source)));

    expect(pictures.map(({ faces }) => faces.length)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2, 0, 1, 2]);
    const [known] = pictures[1]?.faces ?? [];
    expect(known?.embedding).toHaveLength(512);
    expect(known?.box.width).toBeGreaterThan(90);
    const cosines = pictures[2]?.faces
      .toSorted((a, b) => a.box.x - b.box.x)
      .map(({ embedding }) => cosine(embedding, known?.embedding ?? new Float32Array()));
    expect(cosines?.[0]).toBeGreaterThan(0.98);
    expect(cosines?.[1]).toBeLessThan(0.5);
  });

  it('refuses a picture that is broken, and answers the next', async () => {
    const engine = await start();
    const refusal = engine.analyze(BROKEN);
    await expect(refusal).rejects.toBeInstanceOf(ImageError);
    await expect(refusal).rejects.toThrow('The picture is in no format that is known');
    expect((await engine.analyze(alone)).faces).toHaveLength(1);
  });

  it('holds pictures to the limits of the configuration', async () => {
    const engine = await start({ maxImageBytes: 1024, maxImagePixels: 100_000 });
    await expect(engine.analyze(alone)).rejects.toThrow('at most 1024 are allowed');
    const roomy = await start({ maxImagePixels: 100_000 });
    await expect(roomy.analyze(alone)).rejects.toThrow('at most 100000 are allowed');
  });

  it('does not blame a picture for what its models cannot do', async () => {
    const embedder = createSingleFaceEmbedder();
    await models.write('drawn_face_embedder.onnx', embedder);
    await models.changePack((pack) => {
      pack.embedder.bytes = embedder.length;
    });
    const engine = await start();
    const failure = engine.analyze(together);
    await expect(failure).rejects.toThrow('Got invalid dimensions');
    await expect(failure).rejects.not.toBeInstanceOf(ImageError);
    expect((await engine.analyze(alone)).faces).toHaveLength(1);
  });

  it('drops what is cancelled', async () => {
    const engine = await start();
    const stop = new AbortController();
    const cancelled = Promise.allSettled([1, 2, 3].map(() => engine.analyze(alone, stop.signal)));
    const kept = engine.analyze(alone);
    const reason = new Error('cancelled');
    stop.abort(reason);
    const rejected = { status: 'rejected', reason };
    expect(await cancelled).toEqual([rejected, rejected, rejected]);
    expect((await kept).faces).toHaveLength(1);
  });
});

/** Its graph takes one face a run; two are an error of the runtime's. */
function createSingleFaceEmbedder(): Buffer {
  const graph = createGraph('single-face-embedder');
  const values = graph.apply('Reshape', ['input', graph.integers([1, -1])]);
  const first = graph.apply('Slice', [
    values,
    graph.integers([0]),
    graph.integers([512]),
    graph.integers([1]),
  ]);
  graph.addOutput(first, { name: 'embedding', shape: [1, 512] });
  return graph.encode({ name: 'input', shape: [1, 3, 112, 112] });
}

describe('an engine that is stopped', () => {
  it('rejects what is in flight, what waits and what comes, and its threads end', async () => {
    const engine = await start({ threads: 2 });
    const before = Promise.allSettled(Array.from({ length: 8 }, () => engine.analyze(together)));
    const stopped = engine.stop();
    const after = engine.analyze(alone);
    await expect(after).rejects.toThrow('The engine has stopped');
    const outcomes = await before;
    expect(outcomes.map(({ status }) => status)).toEqual(Array.from({ length: 8 }, () => 'rejected'));
    await stopped;
    expect(threads.map(({ threadId }) => threadId)).toEqual([-1, -1]);
  });

  it('is stopped once, however often it is asked, and has not died', async () => {
    const engine = await start();
    const stopped = engine.stop();
    expect(engine.stop()).toBe(stopped);
    await stopped;
    expect(engine.stop()).toBe(stopped);
    expect(await Promise.race([engine.died, Promise.resolve('alive')])).toBe('alive');
    expect(engine.silentMs()).toBe(0);
  });
});

describe('an engine has died when one of its threads', () => {
  it.each<[string, (thread: Worker) => unknown, string]>([
    ['is ended from outside', (thread) => thread.terminate(), 'An engine thread ended with code 1'],
    ['breaks on what it does not know', (thread) => thread.postMessage(null), 'An engine thread died'],
  ])('%s: it rejects what it has not answered yet, and what comes', async (_, kill, message) => {
    const engine = await start({ threads: 2 });
    const before = Promise.allSettled(Array.from({ length: 8 }, () => engine.analyze(together)));
    kill(threads[0] as Worker);

    const death = await engine.died;

    expect(death.message).toBe(message);
    await expect(engine.analyze(alone)).rejects.toBe(death);
    // The other thread may have answered some meanwhile; the dead one had two.
    const rejected = (await before).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThanOrEqual(2);
    expect(new Set(rejected.map(({ reason }) => reason as unknown))).toEqual(new Set([death]));
    await engine.stop();
    await threadsEnded();
  });
});

describe('an engine that cannot start', () => {
  it.each(['drawn_face_detector.onnx', 'drawn_face_embedder.onnx'])(
    'because a file is no model names it, and leaves no thread behind: %s',
    async (file) => {
      await models.write(file, 'This is no model.');
      await models.changePack(({ detector, embedder }) => {
        detector.bytes = null;
        embedder.bytes = null;
      });
      const error = await failureOf({ threads: 2 });
      expect(error.exitCode).toBe(EXIT_CODES.crash);
      expect(error.message).toContain('The models of "tiny" cannot be run on cpu: ');
      expect(error.message).toContain(file);
      expect(threads).toHaveLength(1);
      await threadsEnded();
    },
  );

  it('because models are missing starts no thread', async () => {
    const error = await failureOf({
      modelsDir: path.join(models.directory, 'nowhere'),
      modelPack: 'mobileface',
    });
    expect(error.exitCode).toBe(EXIT_CODES.modelsMissing);
    expect(threads).toEqual([]);
  });

  it.skipIf(hasCuda)(
    'on CUDA, which was asked for and is not installed here, says how to get it',
    async () => {
      const error = await failureOf({ provider: 'cuda', threads: 2 }, GPU);
      expect(error.exitCode).toBe(EXIT_CODES.providerUnavailable);
      expect(error.message).toContain('The models of "tiny" cannot be run on cuda: ');
      expect(error.message).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
      expect(threads).toHaveLength(1);
      await threadsEnded();
    },
  );
});

it.skipIf(hasCuda)('a GPU without CUDA installed works on the processors, with one warning', async () => {
  const engine = await start({ threads: 3 }, GPU);
  expect(engine).toMatchObject({ provider: 'cpu', threads: 3 });
  expect(lines).toEqual([expect.objectContaining({ level: 'warn' })]);
  expect(lines[0]?.msg).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
  expect(lines[0]?.msg).toContain("Until then this device's work is done on the cpu.");
  expect((await engine.analyze(alone)).faces).toHaveLength(1);
});

it('an engine thread started by hand says what it is', () => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/child/inference/engine-thread.js'], {
    encoding: 'utf8',
  });
  expect(status).toBe(EXIT_CODES.crash);
  expect(stderr).toContain('engine-thread.js runs as a worker thread only');
});
