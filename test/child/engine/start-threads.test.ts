import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../../src/shared/exit-codes.js';
import { GPU } from '../../support/devices.js';
import { createEngineHarness, drawPeople, type EngineHarness } from '../../support/engine-harness.js';

const runtime = path.dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
const hasCuda = existsSync(path.join(runtime, 'bin/napi-v6/linux/x64/libonnxruntime_providers_cuda.so'));

let harness: EngineHarness;
beforeEach(async () => {
  harness = await createEngineHarness();
});
afterEach(() => harness.close());

describe('startThreads', () => {
  it.each(['drawn_face_detector.onnx', 'drawn_face_embedder.onnx'])(
    'because a file is no model names it, and leaves no thread behind: %s',
    async (file) => {
      await harness.models.write(file, 'This is no model.');
      await harness.models.changePack(({ detector, embedder }) => {
        detector.bytes = null;
        embedder.bytes = null;
      });
      const error = await harness.failureOf({ threads: 2 });
      expect(error.exitCode).toBe(EXIT_CODES.crash);
      expect(error.message).toContain('The models of "tiny" cannot be run on cpu: ');
      expect(error.message).toContain(file);
      expect(harness.threads).toHaveLength(2);
      await harness.threadsEnded();
    },
  );

  it('starts no thread if models are missing', async () => {
    const error = await harness.failureOf({
      modelsDir: path.join(harness.models.directory, 'nowhere'),
      modelPack: 'mobilefacenet',
    });
    expect(error.exitCode).toBe(EXIT_CODES.modelsMissing);
    expect(harness.threads).toEqual([]);
  });

  it.skipIf(hasCuda)(
    'on CUDA, which was asked for and is not installed here, says how to get it',
    async () => {
      const error = await harness.failureOf({ provider: 'cuda', threads: 2 }, GPU);
      expect(error.exitCode).toBe(EXIT_CODES.providerUnavailable);
      expect(error.message).toContain('The models of "tiny" cannot be run on cuda: ');
      expect(error.message).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
      expect(harness.threads).toHaveLength(1);
      await harness.threadsEnded();
    },
  );
});

it.skipIf(process.platform === 'win32')(
  'an engine on a provider that was asked for and is not in the package does not start',
  async () => {
    const error = await harness.failureOf({ provider: 'dml', threads: 2 });
    expect(error.exitCode).toBe(EXIT_CODES.providerUnavailable);
    expect(error.message).toContain('The models of "tiny" cannot be run on dml: ');
    expect(error.message).toContain('backend not found');
    await harness.threadsEnded();
  },
);

it.skipIf(hasCuda)('a GPU without CUDA installed works on the processors, with one warning', async () => {
  const engine = await harness.start({ threads: 3 }, GPU);
  expect(engine).toMatchObject({ provider: 'cpu' });
  expect(engine.providerRefusals).toEqual([
    { provider: 'cuda', reason: expect.stringContaining('Failed to load') },
  ]);
  expect(harness.lines).toEqual([expect.objectContaining({ level: 'warn' })]);
  expect(harness.lines[0]?.msg).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
  expect(harness.lines[0]?.msg).toContain("Until then, this device's work runs on the CPU.");
  expect((await engine.analyze(await drawPeople(7))).faces).toHaveLength(1);
});

it('a device whose earlier processes died while they tried its providers uses the CPU without another attempt', async () => {
  const engine = await harness.start({}, GPU, true);
  expect(engine.provider).toBe('cpu');
  expect(engine.providerRefusals).toEqual([
    { provider: 'cuda', reason: expect.stringContaining('died of a signal before they were ready') },
  ]);
  expect(harness.threads).toHaveLength(1);
  expect(harness.lines).toEqual([
    expect.objectContaining({ level: 'warn', msg: expect.stringContaining('EXECUTION_PROVIDER=cpu') }),
  ]);
});

it('a configured provider is tried even if earlier processes died of it', async () => {
  const engine = await harness.start({ provider: 'cpu' }, GPU, true);
  expect(engine.providerRefusals).toEqual([]);
  expect(harness.lines).toEqual([]);
});
