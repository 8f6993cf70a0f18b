import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { drawScene } from '../../../scripts/tiny/scene.mjs';
import { analyzeImage } from '../../../src/child/engine/analyze-image.js';
import type { AnalyzedImage } from '../../../src/child/engine/engine.js';
import type { OomStep } from '../../../src/child/engine/oom-fallback.js';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { type Networks, openNetworks } from '../../../src/child/engine/networks.js';
import { openSession } from '../../../src/child/engine/session.js';
import { cosine } from '../../support/cosine.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

/** Pictures of a run that the device has room for. */
const device = vi.hoisted(() => ({ room: Infinity }));

// A device that computes what the CPU does, as there is no GPU here to be filled up.
vi.mock('../../../src/child/engine/session.js', async (original) => {
  const { openSession: open } = await original<{ openSession: typeof openSession }>();
  const openOnFake: typeof openSession = async (modelPath, provider, threads) => {
    const session = await open(modelPath, 'cpu', threads);
    if (provider === 'cpu') return session;
    return {
      ...session,
      run: (input, shape) => {
        if ((shape[0] ?? 0) <= device.room) return session.run(input, shape);
        throw new Error(
          `Non-zero status code returned while running Conv node. Name:'Conv_0' Status Message: onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size ${4 * input.length}`,
        );
      },
    };
  };
  return { openSession: openOnFake };
});

let models: ModelFolder;
let pack: ModelPack;
let networks: Networks;
let steps: OomStep[];
let encoded: Buffer;
let expected: AnalyzedImage;

beforeEach(async () => {
  device.room = Infinity;
  steps = [];
  models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  networks = await openNetworks(pack, 'cuda', 1, (step) => steps.push(step));
  const faces = [3, 5, 7].map((person, i) => ({ person, x: 30 + 150 * i, y: 90, sizePx: 110 }));
  encoded = await drawScene({ widthPx: 480, heightPx: 320, faces });
  expected = await look();
});
afterEach(async () => {
  await networks.release();
  await models.remove();
});

const look = (): Promise<AnalyzedImage> => analyzeImage(encoded, { pack, networks, maxImagePixels: 1e9 });

it.each<[number, OomStep[]]>([
  [Infinity, []],
  [2, ['halved', 'halved', 'halved']],
  [0, ['shrunk', 'on-cpu', 'halved', 'shrunk', 'on-cpu']],
])('a device with room for %d images a run gives the same faces', async (room, taken) => {
  device.room = room;
  const { faces } = await look();
  expect(expected.faces).toHaveLength(3);
  expect(faces.map(({ box }) => Math.round(box.x))).toEqual(
    expected.faces.map(({ box }) => Math.round(box.x)),
  );
  for (const [i, { embedding }] of faces.entries()) {
    expect(cosine(embedding, expected.faces[i]?.embedding ?? new Float32Array())).toBeGreaterThan(0.9999);
  }
  expect(steps).toEqual(taken);
});

it('networks opened without the OOM fallback fail with the original error', async () => {
  const bare = await openNetworks(pack, 'cuda', 1);
  device.room = 0;
  await expect(async () => bare.runEmbedder(new Float32Array(3 * 112 * 112), 1, 112)).rejects.toThrow(
    'Failed to allocate memory',
  );
  await bare.release();
});
