import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { decodeModel, encodeModel } from './onnx.mjs';
import { makeBatchDynamic, replacePRelu } from './rewrite-graph.mjs';

/** Increase it with every change of the rewrites. `src/shared/model-pack.ts` looks for the same version. */
const PREPARATION_VERSION = 1;
/** Rewriting changes only the order of float32 operations. */
const MIN_COSINE = 0.99999;
/** Side of the aligned crop that every embedder takes. */
const ALIGNED_SIZE_PX = 112;

/**
 * Writes faster versions of an embedder beside it: `any` with a dynamic batch, for every device; `cpu` also without
 * PRelu, whose kernel is slow on the CPU. A version that computes different embeddings or changes nothing is not
 * kept.
 *
 * @param {{ file: string, sha256: string }} model
 * @param {string} directory
 * @returns {Promise<string[]>} names of the written files
 */
export async function prepareEmbedder({ file, sha256 }, directory) {
  const source = path.join(directory, file);
  const inFolder = (/** @type {string} */ target) =>
    path.join(directory, preparedName({ file, sha256 }, target));
  const written = [];
  for (const [target, rewrites] of /** @type {const} */ ([
    ['any', [makeBatchDynamic]],
    ['cpu', [makeBatchDynamic, replacePRelu]],
  ])) {
    const prepared = inFolder(target);
    if (await exists(prepared)) continue;
    const model = decodeModel(await readFile(source));
    const changes = rewrites.map((rewrite) => rewrite(model.graph));
    // Only the last rewrite distinguishes the versions.
    if (changes.at(-1) === 0) continue;
    const partFile = `${prepared}.part`;
    await writeFile(partFile, encodeModel(model));
    if (await computesTheSame(source, partFile)) {
      await rename(partFile, prepared);
      written.push(path.basename(prepared));
    } else {
      await rm(partFile);
    }
  }
  return written;
}

/** @param {{ file: string, sha256: string }} model @param {string} target */
function preparedName({ file, sha256 }, target) {
  return `${path.basename(file, '.onnx')}.${sha256.slice(0, 8)}-v${PREPARATION_VERSION}.${target}.onnx`;
}

/**
 * Compares the embeddings of two images of noise: one at a time by the source, together by the prepared file.
 *
 * @param {string} source
 * @param {string} prepared
 */
async function computesTheSame(source, prepared) {
  const [expected, actual] = await Promise.all([
    embed(source, 1),
    embed(prepared, 2).catch(() => /** @type {Float32Array[]} */ ([])),
  ]);
  return expected.every((vector, i) => cosineOf(vector, actual[i]) >= MIN_COSINE);
}

/**
 * @param {string} file
 * @param {number} batch images in a run
 */
async function embed(file, batch) {
  const session = await InferenceSession.create(file, { logSeverityLevel: 4 });
  try {
    const [input] = session.inputMetadata;
    if (input === undefined || !input.isTensor) throw new Error(`The model ${file} has no input`);
    // The image's width and height may have names instead of numbers.
    const sides = input.shape.slice(1).map((size) => (typeof size === 'number' ? size : ALIGNED_SIZE_PX));
    const shape = [batch, ...sides];
    const values = sides.reduce((product, size) => product * size, 1);
    const noise = Float32Array.from({ length: 2 * values }, (_, i) => Math.sin(i * i));
    const embeddings = [];
    for (let start = 0; start < 2; start += batch) {
      const images = noise.subarray(start * values, (start + batch) * values);
      const outputs = await session.run({ [input.name]: new Tensor('float32', images, shape) });
      const data = /** @type {Float32Array} */ (Object.values(outputs)[0]?.data);
      const size = data.length / batch;
      for (let i = 0; i < batch; i += 1) embeddings.push(data.subarray(i * size, (i + 1) * size));
    }
    return embeddings;
  } finally {
    await session.release();
  }
}

/** @param {Float32Array} a @param {Float32Array | undefined} b */
function cosineOf(a, b) {
  let [dot, aa, bb] = [0, 0, 0];
  for (const [i, value] of a.entries()) {
    const other = b?.[i] ?? Number.NaN;
    dot += value * other;
    aa += value * value;
    bb += other * other;
  }
  return dot / Math.sqrt(aa * bb);
}

/** @param {string} file */
async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}
