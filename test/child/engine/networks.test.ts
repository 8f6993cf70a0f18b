import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createEmbedderModel } from '../../../scripts/tiny/embedder.mjs';
import { createGraph } from '../../../scripts/tiny/graph.mjs';
import { findModelPack, type ModelPack } from '../../../src/shared/model-pack.js';
import { type Networks, openNetworks, warmUp } from '../../../src/child/engine/networks.js';
import { createModelFolder, type ModelFolder } from '../../support/model-folder.js';

let models: ModelFolder;
let pack: ModelPack;
let opened: Networks[];
beforeEach(async () => {
  models = await createModelFolder();
  pack = await findModelPack('tiny', models.directory);
  opened = [];
});
afterEach(async () => {
  await Promise.all(opened.map((networks) => networks.release()));
  await models.remove();
});

async function open(changed: Partial<ModelPack> = {}): Promise<Networks> {
  const networks = await openNetworks({ ...pack, ...changed }, 'cpu', 1);
  opened.push(networks);
  return networks;
}

describe('the detector network', () => {
  it('accepts any image size that its strides divide, and returns a value for each cell', async () => {
    const { runDetector } = await open();
    const size = { widthPx: 96, heightPx: 64 };
    const outputs = await runDetector(new Float32Array(3 * 96 * 64), 1, size);
    const lengths = Object.fromEntries([...outputs].map(([name, values]) => [name, values.length]));
    const cells = { 8: 96, 16: 24, 32: 6 };
    for (const [stride, count] of Object.entries(cells)) {
      expect(lengths).toMatchObject({
        [`cls_${stride}`]: count,
        [`obj_${stride}`]: count,
        [`bbox_${stride}`]: 4 * count,
        [`kps_${stride}`]: 10 * count,
      });
    }
  });

  it('rejects input that does not match its size', async () => {
    const { runDetector } = await open();
    const size = { widthPx: 96, heightPx: 64 };
    await expect(runDetector(new Float32Array(3 * 32 * 32), 1, size)).rejects.toThrow(
      'does not match data length',
    );
  });
});

describe('the embedder network', () => {
  const faces = new Float32Array(2 * 3 * 112 * 112).map((_, i) => (i * 7) % 256);

  it('embeds several faces in one run', async () => {
    const { runEmbedder } = await open();
    const both = await runEmbedder(faces, 2, 112);
    const second = await runEmbedder(faces.slice(faces.length / 2), 1, 112);
    expect([both.length, second.length]).toEqual([1024, 512]);
    for (const [i, value] of second.entries()) expect(both[512 + i]).toBeCloseTo(value, 4);
  });

  it('embeds more faces than a CPU computes in one run', async () => {
    const { runEmbedder } = await open();
    const five = new Float32Array(5 * 3 * 112 * 112).map((_, i) => (i * 7) % 256);
    const together = await runEmbedder(five, 5, 112);
    expect(together).toHaveLength(5 * 512);
    for (let face = 0; face < 5; face += 1) {
      const values = five.length / 5;
      const alone = await runEmbedder(five.slice(face * values, (face + 1) * values), 1, 112);
      for (const [i, value] of alone.entries()) expect(together[512 * face + i]).toBeCloseTo(value, 4);
    }
  });

  it.each<[string, Parameters<typeof createEmbedderModel>[0]]>([
    ['takes only one face at once', { batch: 1 }],
    ['takes only three faces at once', { batch: 3 }],
    ['takes images with the channels last', { channelsLast: true }],
  ])('computes the same where the model %s', async (_, options) => {
    const usual = await open();
    const expected = await usual.runEmbedder(faces, 2, 112);
    await models.write('drawn_face_embedder.onnx', createEmbedderModel(options));
    const other = await open();
    const actual = await other.runEmbedder(faces, 2, 112);
    expect(actual).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 4);
  });

  it('is rejected during warm-up if it has several outputs', async () => {
    const networks = await open({ cpuEmbedderPath: pack.detectorPath });
    await expect(warmUp(networks, pack)).rejects.toThrow('The embedder has 12 outputs instead of one');
  });

  it('is rejected if its input is not an image', async () => {
    const graph = createGraph('no-image');
    graph.addOutput('input', { name: 'output', shape: ['n', 512] });
    await models.write('drawn_face_embedder.onnx', graph.encode({ name: 'input', shape: ['n', 512] }));
    await expect(open()).rejects.toThrow('does not have images as its only input');
  });
});

it.each(['drawn_face_detector.onnx', 'drawn_face_embedder.onnx'])(
  'a file that is no network is named: %s',
  async (file) => {
    await models.write(file, 'This is no network.');
    await expect(open()).rejects.toThrow(file);
  },
);
