import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, test } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { formatReport } from '../../../scripts/gpu-check/report.mjs';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, readNvidiaFixture } from '../../support/fake-nvidia-smi.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

const PROGRAM = path.resolve('scripts/gpu-check/main.mjs');

let models: ModelFolder;
let smi: FakeNvidiaSmi;
let photos: string;

beforeAll(async () => {
  photos = await mkdtemp(path.join(tmpdir(), 'gpu-check-'));
  const scene = await drawScene({
    widthPx: 320,
    heightPx: 320,
    faces: [{ person: 1, x: 100, y: 120, sizePx: 110 }],
  });
  await sharp(scene).jpeg().toFile(path.join(photos, 'photo.jpg'));
  models = await createModelFolder();
  smi = await createFakeNvidiaSmi();
});
afterAll(async () => {
  await models.remove();
  await smi.remove();
  await rm(photos, { recursive: true });
});
beforeEach(async () => smi.answer(await readNvidiaFixture('two-gpus')));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function check(...args: string[]): Promise<Ended> {
  const all = [PROGRAM, '--models', models.directory, '--pack', 'tiny', '--rounds', '1', ...args];
  const env = { ...process.env, PATH: smi.path };
  return new Promise((resolve) => {
    execFile(process.execPath, all, { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

describe('gpu-check', () => {
  it('measures a provider that works, and shows the GPUs that nvidia-smi lists', async () => {
    const { code, stdout } = await check('--provider', 'cpu');

    expect(code).toBe(0);
    expect(stdout).toContain('GPU 0: NVIDIA GeForce RTX 4090, 613 of 24564 MB used, driver 550.90.07');
    expect(stdout).toContain('GPU 1: NVIDIA GeForce RTX 4090, 0 of 24564 MB used');
    expect(stdout).toContain('held back: power cap, software thermal slowdown');
    expect(stdout).toContain('cpu: agrees with the CPU');
    for (const network of ['detector', 'embedder']) {
      for (const batch of [1, 8, 32, 64]) {
        expect(stdout).toMatch(
          new RegExp(`^${network} +${batch}  [\\d.]+ +[\\d.]+ to [\\d.]+ +\\d+ *$`, 'm'),
        );
      }
    }
    expect(stdout).toMatch(
      /1,000 inferences: memory of the process \d+ to \d+ MB, of the GPUs 613 to 613 MB/,
    );
  });

  it('prints the same as JSON', async () => {
    const { code, stdout } = await check('--provider', 'cpu', '--json');

    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      pack: 'tiny',
      gpus: { kind: 'gpus', gpus: [{ device: { index: 0 } }, { device: { index: 1 } }] },
      providers: [
        {
          provider: 'cpu',
          works: true,
          measured: {
            embedder: [{ batch: 1 }, { batch: 8 }, { batch: 32 }, { batch: 64 }],
            exhaustion: null,
          },
        },
      ],
    });
  });

  it('runs the whole engine on photos', async () => {
    const { code, stdout } = await check('--provider', 'cpu', '--photos', photos, '--seconds', '1');

    expect(code).toBe(0);
    expect(stdout).toMatch(/^The whole engine: [\d.]+ photos\/s, with one photo$/m);
  });

  it('explains why a provider does not work, and fails if none does', async () => {
    const { code, stdout } = await check('--provider', 'dml');

    expect(code).toBe(1);
    expect(stdout).toMatch(/^dml: cannot be used: .*dml.*$/m);
  });

  it.each([
    [['--provider', 'gpu'], 2, 'Unknown provider "gpu"; choose one of cpu, cuda,'],
    [['--photos', '/nowhere'], 1, 'There is no folder /nowhere: set the folder of the photos with --photos.'],
    [['--seconds', 'x'], 2, '--seconds must be a whole number from 1 to 999'],
    [['--rounds', '0'], 2, '--rounds must be a whole number from 1'],
    [
      ['--models', '/nowhere'],
      1,
      '/nowhere has no manifest.json: set the folder of the models with --models.',
    ],
  ])('refuses %j with code %i and a sentence', async (args, expected, sentence) => {
    const { code, stderr } = await check(...args);

    expect(code).toBe(expected);
    expect(stderr).toContain(sentence);
  });
});

test('the report shows how long the GPU waited for photos', () => {
  const measured = {
    detector: [],
    embedder: [],
    memory: { rssBeforeMb: 1, rssAfterMb: 1, gpuBeforeMb: 1, gpuAfterMb: 1 },
    exhaustion: null,
    engine: { photosPerS: 311.04, photos: 96, busyPercent: 60.6 },
  };
  const text = formatReport({
    machine: '',
    platform: '',
    runtime: '',
    pack: 'tiny',
    gpus: { kind: 'absent' },
    providers: [{ provider: 'cuda', works: true, measured }],
  });
  expect(text).toContain(
    'The whole engine: 311.0 photos/s, with 96 photos in turn; the GPU computed for 61 % of the time and waited for 39 %',
  );
});
