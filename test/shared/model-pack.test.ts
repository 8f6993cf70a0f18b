import { mkdtemp, readFile, rm, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findModelPack, type ModelPack } from '../../src/shared/model-pack.js';
import { StartupError } from '../../src/shared/errors.js';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { createModelFolder, type ModelFolder } from '../support/model-folder.js';

const PROJECT_MANIFEST = new URL('../../models/manifest.json', import.meta.url);

let models: ModelFolder;
beforeEach(async () => {
  models = await createModelFolder();
});
afterEach(() => models.remove());

const inFolder = (file: string): string => path.join(models.directory, file);

/** What finding a pack fails with. */
async function failureOf(name: string, directory = models.directory): Promise<StartupError> {
  const error: unknown = await findModelPack(name, directory).then(
    () => new Error('The pack was found'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StartupError);
  return error as StartupError;
}

describe('a model pack', () => {
  it('is found by its name, with the paths of its files', async () => {
    expect(await findModelPack('tiny', models.directory)).toMatchObject({
      name: 'tiny',
      detectorPath: inFolder('drawn_face_detector.onnx'),
      embedderPath: inFolder('drawn_face_embedder.onnx'),
      detector: { strides: [8, 16, 32], input: { channels: 'bgr' } },
      embedder: { embeddingSize: 512, input: { channels: 'rgb', sizePx: 112 } },
    });
  });

  it('can be sent to another thread', async () => {
    const pack = await findModelPack('tiny', models.directory);
    expect(structuredClone(pack)).toEqual(pack);
  });

  it('may have files of unknown size', async () => {
    await models.changePack(({ detector }) => {
      detector.bytes = null;
    });
    await models.write('drawn_face_detector.onnx', 'of any size');
    expect((await findModelPack('tiny', models.directory)).detector.bytes).toBeNull();
  });

  it('is a configuration error if the manifest lacks it, and the error names the known packs', async () => {
    const error = await failureOf('huge');
    expect(error.exitCode).toBe(EXIT_CODES.badConfig);
    expect(error.message).toContain('no model pack "huge"');
    expect(error.message).toContain(inFolder('manifest.json'));
    expect(error.message).toContain('MODEL_PACK may be: tiny');
  });

  it.each(['drawn_face_detector.onnx', 'drawn_face_embedder.onnx'])(
    'reports a missing file and the command that downloads it: %s',
    async (file) => {
      await unlink(inFolder(file));
      const error = await failureOf('tiny');
      expect(error.exitCode).toBe(EXIT_CODES.modelsMissing);
      expect(error.message).toBe(
        `The model file ${inFolder(file)} is missing. Fetch it with: MODEL_PACK=tiny npm run models`,
      );
    },
  );

  it('reports a file of another size, which may be an incomplete download', async () => {
    const file = inFolder('drawn_face_embedder.onnx');
    const { length } = await readFile(file);
    await truncate(file, 100);
    const error = await failureOf('tiny');
    expect(error.exitCode).toBe(EXIT_CODES.modelsMissing);
    expect(error.message).toContain(`${file} has 100 bytes instead of ${length}. Fetch it with: `);
  });
});

describe('a manifest', () => {
  it.each<[string, string, string]>([
    ['is no JSON', '{"packs": {', 'JSON'],
    ['is empty', '', 'JSON'],
    ['has no packs', '{}', 'packs'],
    ['is a list', '[]', 'expected object'],
    ['has a pack without a detector', '{"packs": {"tiny": {}}}', 'packs.tiny.detector'],
  ])('that %s is a mistake in the configuration, and is named', async (_, content, problem) => {
    await models.write('manifest.json', content);
    const error = await failureOf('tiny');
    expect(error.exitCode).toBe(EXIT_CODES.badConfig);
    expect(error.message).toContain(`The models' manifest ${inFolder('manifest.json')} cannot be used: `);
    expect(error.message).toContain(problem);
  });

  it.each<[string, (pack: Pick<ModelPack, 'detector' | 'embedder' | 'calibration'>) => void]>([
    ['detector.scoreThreshold', ({ detector }) => (detector.scoreThreshold = 1.5)],
    ['detector.strides', ({ detector }) => (detector.strides = [])],
    ['detector.bytes', ({ detector }) => (detector.bytes = -1)],
    ['detector.input.scale', ({ detector }) => (detector.input.scale = 0)],
    ['embedder.input.channels', ({ embedder }) => Object.assign(embedder.input, { channels: 'grb' })],
    ['embedder.input.sizePx', ({ embedder }) => Object.assign(embedder.input, { sizePx: 160 })],
    ['embedder.embeddingSize', ({ embedder }) => (embedder.embeddingSize = 0)],
    ['calibration', (pack) => (pack.calibration = [[-1, 0]])],
  ])('with a wrong value says where: %s', async (place, change) => {
    await models.changePack(change);
    const error = await failureOf('tiny');
    expect(error.exitCode).toBe(EXIT_CODES.badConfig);
    expect(error.message).toContain(`packs.tiny.${place}`);
  });
});

describe('a models folder without a manifest', () => {
  interface ProjectPack {
    readonly detector: { readonly file: string; readonly bytes: number };
    readonly embedder: { readonly file: string; readonly bytes: number };
  }

  let directory: string;
  let pack: ProjectPack;
  beforeEach(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'no-manifest-'));
    const { packs } = JSON.parse(await readFile(PROJECT_MANIFEST, 'utf8')) as {
      packs: { mobilefacenet: ProjectPack };
    };
    pack = packs.mobilefacenet;
  });
  afterEach(() => rm(directory, { recursive: true }));

  it("has the packs of the project's manifest", async () => {
    for (const { file, bytes } of [pack.detector, pack.embedder]) {
      await writeFile(path.join(directory, file), Buffer.alloc(bytes));
    }
    expect(await findModelPack('mobilefacenet', directory)).toMatchObject({
      name: 'mobilefacenet',
      detectorPath: path.join(directory, pack.detector.file),
      embedderPath: path.join(directory, pack.embedder.file),
    });
  });

  it('and without files, the error names the download command without options', async () => {
    const error = await failureOf('mobilefacenet', directory);
    expect(error.exitCode).toBe(EXIT_CODES.modelsMissing);
    expect(error.message).toBe(
      `The model file ${path.join(directory, pack.detector.file)} is missing. Fetch it with: npm run models`,
    );
  });

  it('may not exist', async () => {
    const nowhere = path.join(directory, 'nowhere');
    expect((await failureOf('mobilefacenet', nowhere)).exitCode).toBe(EXIT_CODES.modelsMissing);
  });
});
