import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeModel, encodeModel } from '../../../scripts/models/onnx.mjs';
import { prepareEmbedder } from '../../../scripts/models/prepare-embedder.mjs';
import { createGraph } from '../../../scripts/tiny/graph.mjs';

const FILE = 'embedder.onnx';
const SIZE = 8;

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'prepare-embedder-'));
});
afterEach(() => rm(directory, { recursive: true }));

interface Shape {
  readonly batch: number | string;
  /** Of a PRelu; none without. */
  readonly slopes?: readonly number[];
  /** First dimension of the shape that the output is reshaped to. */
  readonly rows?: number;
}

/** Writes an embedder of three values a pixel, through an optional PRelu. */
async function write({ batch, slopes, rows = 0 }: Shape): Promise<{ file: string; sha256: string }> {
  const graph = createGraph('embedder');
  const bent =
    slopes === undefined ? 'input' : graph.apply('PRelu', ['input', graph.floats([3, 1, 1], slopes)]);
  const rowsOfAll = graph.apply('Reshape', [bent, graph.integers([rows, -1])]);
  graph.addOutput(rowsOfAll, { name: 'output', shape: [batch, 3 * SIZE * SIZE] });
  const content = graph.encode({ name: 'input', shape: [batch, 3, SIZE, SIZE] });
  await writeFile(path.join(directory, FILE), content);
  return { file: FILE, sha256: createHash('sha256').update(content).digest('hex') };
}

async function embed(file: string, values: Float32Array, batch: number): Promise<Float32Array> {
  const session = await InferenceSession.create(path.join(directory, file));
  const outputs = await session.run({ input: new Tensor('float32', values, [batch, 3, SIZE, SIZE]) });
  await session.release();
  return outputs['output']?.data as Float32Array;
}

const operatorsOf = async (file: string): Promise<string[]> =>
  decodeModel(await readFile(path.join(directory, file))).graph.node.map(({ opType }) => opType);

describe('prepareEmbedder', () => {
  it.each<[string, readonly number[], string[]]>([
    ['below 1', [0.25, 0, -0.5], ['Conv', 'Relu', 'Add', 'Reshape', 'Identity']],
    ['on both sides of 1', [0.25, 1.5, -0.5], ['Conv', 'Relu', 'Conv', 'Add', 'Reshape', 'Identity']],
  ])('writes versions that compute the same, with slopes %s', async (_, slopes, operators) => {
    const written = await prepareEmbedder(await write({ batch: 1, slopes, rows: 1 }), directory);

    const [any = '', cpu = ''] = written;
    expect(written).toEqual([expect.stringMatching(/\.any\.onnx$/), expect.stringMatching(/\.cpu\.onnx$/)]);
    expect(await operatorsOf(any)).toEqual(['PRelu', 'Reshape', 'Identity']);
    expect(await operatorsOf(cpu)).toEqual(operators);
    const values = Float32Array.from({ length: 2 * 3 * SIZE * SIZE }, (__, i) => Math.sin(i));
    const half = values.length / 2;
    const expected = [
      ...(await embed(FILE, values.subarray(0, half), 1)),
      ...(await embed(FILE, values.subarray(half), 1)),
    ];
    for (const file of written) {
      const actual = await embed(file, values, 2);
      for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 6);
    }
  });

  it('writes nothing for a model that needs no rewrite', async () => {
    expect(await prepareEmbedder(await write({ batch: 'n' }), directory)).toEqual([]);
    expect(await readdir(directory)).toEqual([FILE]);
  });

  it('prepares a model that lists its weights as inputs', async () => {
    const { sha256 } = await write({ batch: 1, slopes: [0.25, 0, -0.5], rows: 1 });
    const model = decodeModel(await readFile(path.join(directory, FILE)));
    for (const { name, dims, dataType } of model.graph.initializer) {
      const shape = { dim: dims.map((dimValue) => ({ dimValue })) };
      model.graph.input.push({ name, type: { tensorType: { elemType: dataType, shape } } });
    }
    await writeFile(path.join(directory, FILE), encodeModel(model));

    const written = await prepareEmbedder({ file: FILE, sha256 }, directory);
    expect(written).toHaveLength(2);
    for (const file of written) await embed(file, new Float32Array(2 * 3 * SIZE * SIZE), 2);
  });

  it('prepares a model whose width and height have names', async () => {
    const graph = createGraph('embedder');
    const bent = graph.apply('PRelu', ['input', graph.floats([3, 1, 1], [0.25, 0, -0.5])]);
    const means = graph.apply('GlobalAveragePool', [bent]);
    const rows = graph.apply('Reshape', [means, graph.integers([1, -1])]);
    graph.addOutput(rows, { name: 'output', shape: [1, 3] });
    const content = graph.encode({ name: 'input', shape: [1, 3, 'height', 'width'] });
    await writeFile(path.join(directory, FILE), content);

    expect(await prepareEmbedder({ file: FILE, sha256: 'a'.repeat(64) }, directory)).toHaveLength(2);
  });

  it('writes nothing a second time', async () => {
    const model = await write({ batch: 1, slopes: [0.1, 0.2, 0.3], rows: 1 });
    await prepareEmbedder(model, directory);
    expect(await prepareEmbedder(model, directory)).toEqual([]);
  });

  it('keeps no version that fails or computes different embeddings', async () => {
    // Its Reshape has a fixed number of rows that is not the batch.
    const graph = createGraph('embedder');
    const rows = graph.apply('Reshape', ['input', graph.integers([3, SIZE * SIZE])]);
    graph.addOutput(rows, { name: 'output', shape: [3, SIZE * SIZE] });
    const content = graph.encode({ name: 'input', shape: [1, 3, SIZE, SIZE] });
    await writeFile(path.join(directory, FILE), content);

    expect(await prepareEmbedder({ file: FILE, sha256: 'a'.repeat(64) }, directory)).toEqual([]);
    expect(await readdir(directory)).toEqual([FILE]);
  });
});
