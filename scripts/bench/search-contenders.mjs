import { createRequire } from 'node:module';
import path from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { createBlockMemory } from '../../dist/gallery/matrix/block-memory.js';
import { BLOCK_ROWS } from '../../dist/gallery/matrix/dot-kernel.js';
import { createBlockPool } from '../../dist/gallery/matrix/block-pool.js';
import { createFaceMatrix } from '../../dist/gallery/matrix/face-matrix.js';
import { createProbe } from '../../dist/gallery/matrix/probe.js';
import { encodeModel } from '../tiny/onnx.mjs';
import { createFloatKernel, createSumKernel } from './search-kernels.mjs';
import { toFixedPoint } from './search-vectors.mjs';

const PAGE_BYTES = 65_536;
const BEST = 10;
// Above this, the objects for single rows take more memory than the rows.
const MOST_SINGLE_ROWS = 100_000;

/**
 * A way to compare one probe with all rows.
 *
 * @typedef {object} Contender
 * @property {string} name
 * @property {'float32' | 'int8'} form of the scanned rows
 * @property {number} bytesPerFace memory use
 * @property {() => unknown} run
 */

/** @typedef {ReturnType<typeof createGallery>} Gallery */

/**
 * The same faces in every form. The float32 rows [rows, size] are in a WebAssembly memory, which typed arrays and native
 * code can read too.
 *
 * @param {number} rows a multiple of BLOCK_ROWS
 * @param {number} size a multiple of 16
 * @param {(vectors: Float32Array, size: number) => void} write
 */
export function createGallery(rows, size, write) {
  const floatBytes = rows * size * Float32Array.BYTES_PER_ELEMENT;
  const pages = 1 + Math.ceil(floatBytes / PAGE_BYTES);
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const vectors = new Float32Array(memory.buffer, PAGE_BYTES, rows * size);
  write(vectors, size);

  const matrix = createFaceMatrix(createBlockPool(size));
  const scaled = 127 / vectors.reduce((largest, component) => Math.max(largest, Math.abs(component)), 0);
  const bytes = new Int8Array(rows * size);
  for (let row = 0; row < rows; row += 1) {
    const vector = vectors.subarray(row * size, (row + 1) * size);
    matrix.add(toFixedPoint(vector));
    for (let i = 0; i < size; i += 1) bytes[row * size + i] = Math.round((vector[i] ?? 0) * scaled);
  }
  const probe = vectors.slice(0, size);
  new Float32Array(memory.buffer, 0, size).set(probe);
  return { rows, size, memory, vectors, bytes, byteProbe: bytes.slice(0, size), matrix, probe };
}

/**
 * @param {Gallery} gallery
 * @param {{ libraries: string | undefined, minCosine: number }} options `libraries`: the folder with the native libraries
 * @returns {Promise<Contender[]>}
 */
export async function createContenders(gallery, { libraries, minCosine }) {
  const { rows, size, matrix, probe, vectors } = gallery;
  const dots = new Float32Array(rows);
  const scan = createLeadingScan(gallery);
  const native = libraries === undefined ? [] : nativeContenders(gallery, path.resolve(libraries));
  /** @type {(name: string, run: () => unknown) => Contender} */
  const floats = (name, run) => ({ name, form: 'float32', bytesPerFace: 4 * size, run });
  /** @type {(name: string, run: () => unknown, bytesPerFace?: number) => Contender} */
  const bytes = (name, run, bytesPerFace = size) => ({ name, form: 'int8', bytesPerFace, run });

  return [
    floats('sum of all bytes', scanFloats(gallery, createSumKernel)),
    floats('plain loops', () => multiplyRows(vectors, probe, dots)),
    floats('onnxruntime MatMul', await matMul(gallery)),
    floats('WebAssembly SIMD', scanFloats(gallery, createFloatKernel)),
    ...native.filter(({ form }) => form === 'float32').map(({ name, run }) => floats(name, run)),
    bytes('sum of all bytes', sumBytes(gallery)),
    bytes('onnxruntime MatMulInteger', await matMulInteger(gallery)),
    bytes('WebAssembly SIMD', scan),
    bytes('face matrix, exact', () => matrix.search(probe, minCosine), matrix.bytes / rows),
    ...native.filter(({ form }) => form === 'int8').map(({ name, run }) => bytes(name, run)),
  ];
}

/**
 * Uses four sums, because one sum would wait for each addition.
 *
 * @param {Float32Array} vectors
 * @param {Float32Array} probe
 * @param {Float32Array} dots written
 */
function multiplyRows(vectors, probe, dots) {
  const size = probe.length;
  for (let row = 0; row < dots.length; row += 1) {
    const first = row * size;
    let a = 0;
    let b = 0;
    let c = 0;
    let d = 0;
    for (let i = 0; i < size; i += 4) {
      a += at(vectors, first + i) * at(probe, i);
      b += at(vectors, first + i + 1) * at(probe, i + 1);
      c += at(vectors, first + i + 2) * at(probe, i + 2);
      d += at(vectors, first + i + 3) * at(probe, i + 3);
    }
    dots[row] = a + b + c + d;
  }
}

/** @type {(values: Float32Array, i: number) => number} */
function at(values, i) {
  return /** @type {number} */ (values[i]);
}

/**
 * @param {Gallery} gallery
 * @param {typeof createFloatKernel} createKernel
 */
function scanFloats({ memory, rows, size }, createKernel) {
  const rowBytes = 4 * size;
  const kernel = createKernel(memory, rowBytes);
  return () => {
    for (let row = 0; row < rows; row += BLOCK_ROWS) kernel(PAGE_BYTES + row * rowBytes, 0, rowBytes);
  };
}

/** @param {Gallery} gallery */
function sumBytes({ memory, rows, size }) {
  const kernel = createSumKernel(memory, size);
  return () => {
    for (let row = 0; row < rows; row += BLOCK_ROWS) kernel(PAGE_BYTES + row * size, 0, 4 * size);
  };
}

/**
 * Only the product's kernel.
 *
 * @param {Gallery} gallery
 */
function createLeadingScan({ rows, size, bytes, probe }) {
  const memory = createBlockMemory(size, rows);
  for (let row = 0; row < rows; row += 1) {
    memory.bytes.set(bytes.subarray(row * size, (row + 1) * size), memory.placeOf(row).leading);
  }
  memory.setProbe(createProbe(probe, memory.rowBytes).fixed);
  return () => {
    for (let block = 0; block < rows / BLOCK_ROWS; block += 1) memory.scan(block);
  };
}

/** @param {Gallery} gallery */
async function matMul({ rows, size, vectors, probe }) {
  const session = await InferenceSession.create(
    encodeModel({
      name: 'dots',
      inputs: [
        { name: 'rows', shape: ['n', size] },
        { name: 'probe', shape: [size, 1] },
      ],
      outputs: [{ name: 'dots', shape: ['n', 1] }],
      nodes: [{ op: 'MatMul', inputs: ['rows', 'probe'], outputs: ['dots'] }],
      constants: [],
    }),
    ONE_THREAD,
  );
  const feeds = {
    rows: new Tensor('float32', vectors, [rows, size]),
    probe: new Tensor('float32', probe, [size, 1]),
  };
  const fetches = { dots: new Tensor('float32', new Float32Array(rows), [rows, 1]) };
  return () => session.run(feeds, fetches);
}

/** @param {Gallery} gallery */
async function matMulInteger({ rows, size, bytes, byteProbe }) {
  const session = await InferenceSession.create(
    encodeModel({
      name: 'dots',
      inputs: [
        { name: 'rows', shape: ['n', size], type: 'uint8' },
        { name: 'probe', shape: [size, 1], type: 'int8' },
      ],
      outputs: [{ name: 'dots', shape: ['n', 1], type: 'int32' }],
      nodes: [{ op: 'MatMulInteger', inputs: ['rows', 'probe'], outputs: ['dots'] }],
      constants: [],
    }),
    ONE_THREAD,
  );
  const unsigned = bytes.map((byte) => byte ^ 0x80);
  const feeds = {
    rows: new Tensor('uint8', new Uint8Array(unsigned.buffer), [rows, size]),
    probe: new Tensor('int8', byteProbe, [size, 1]),
  };
  const fetches = { dots: new Tensor('int32', new Int32Array(rows), [rows, 1]) };
  return () => session.run(feeds, fetches);
}

const ONE_THREAD = { executionProviders: ['cpu'], intraOpNumThreads: 1, interOpNumThreads: 1 };

/**
 * The native libraries that are installed in a folder. The project does not depend on them (docs/scaling.md).
 *
 * @param {Gallery} gallery
 * @param {string} folder
 * @returns {Pick<Contender, 'name' | 'form' | 'run'>[]}
 */
function nativeContenders({ rows, size, vectors, bytes, byteProbe, probe }, folder) {
  const load = createRequire(path.join(folder, 'package.json'));
  const { exactSearch, MetricKind } = load('usearch');
  const { dot } = load('simsimd');
  /** @type {Pick<Contender, 'name' | 'form' | 'run'>[]} */
  const contenders = [
    {
      name: `usearch, best ${BEST}`,
      form: 'float32',
      run: () => exactSearch(vectors, probe, size, BEST, MetricKind.IP, 1),
    },
    {
      name: `usearch, best ${BEST}`,
      form: 'int8',
      run: () => exactSearch(bytes, byteProbe, size, BEST, MetricKind.Cos, 1),
    },
  ];
  if (rows > MOST_SINGLE_ROWS) return contenders;
  const singleRows = Array.from({ length: rows }, (_, row) => vectors.subarray(row * size, (row + 1) * size));
  const dots = new Float32Array(rows);
  const run = () => {
    for (const [row, vector] of singleRows.entries()) dots[row] = dot(vector, probe);
  };
  return [...contenders, { name: 'simsimd, a call a row', form: 'float32', run }];
}
