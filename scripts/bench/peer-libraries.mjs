import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { decodeImage } from '../../dist/child/vision/decode.js';

/** Both packages contain their models. Versions are exact, so that figures stay comparable. */
export const PEER_VERSIONS = [
  '@vladmandic/human@3.3.6',
  '@vladmandic/face-api@1.7.15',
  '@tensorflow/tfjs@4.22.0',
  '@tensorflow/tfjs-backend-wasm@4.22.0',
];
const MAX_PIXELS = 100_000_000;

/**
 * @typedef {ArrayLike<number>} Embedding
 * @typedef {{ x: number, y: number, width: number, height: number }} Box in pixels of the decoded photo
 * @typedef {{ widthPx: number, heightPx: number, faces: readonly { box: Box, embedding: Embedding }[] }} Analyzed
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {number} inFlight photos that it gets at once
 * @property {(bytes: Buffer) => Promise<Analyzed>} analyze
 * @property {(a: Embedding, b: Embedding) => number} similarity the higher, the more alike
 */

/**
 * Without install scripts, so there is no native TensorFlow. Synchronous, so that npm writes nothing more once a signal has
 * ended this process.
 *
 * @param {string} folder
 */
export function installPeers(folder) {
  const options = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--prefix', folder];
  execFileSync('npm', ['install', ...options, ...PEER_VERSIONS], { stdio: ['ignore', 'ignore', 'inherit'] });
}

/**
 * The libraries share one TensorFlow.js with its WebAssembly backend, which has one thread under Node.js.
 *
 * @param {string} folder where they are installed
 * @returns {Promise<Contender[]>}
 */
export async function createPeers(folder) {
  const packages = path.join(folder, 'node_modules');
  const load = createRequire(path.join(folder, 'package.json'));
  const tf = load('@tensorflow/tfjs');
  load('@tensorflow/tfjs-backend-wasm').setWasmPaths(
    path.join(packages, '@tensorflow/tfjs-backend-wasm/dist/'),
  );
  await tf.setBackend('wasm');
  return [await createHuman(load, packages), ...(await createFaceApi(load, packages))].map(
    ({ name, findFaces }) => ({
      name,
      inFlight: 1,
      analyze: async (bytes) => {
        const { image } = await decodeImage(bytes, MAX_PIXELS);
        const { widthPx, heightPx } = image;
        const tensor = tf.tensor3d(image.data, [heightPx, widthPx, 3], 'int32');
        const faces = await findFaces(tensor);
        tensor.dispose();
        return { widthPx, heightPx, faces };
      },
      similarity: minusSquaredDistance,
    }),
  );
}

/** @typedef {{ name: string, findFaces: (tensor: unknown) => Promise<Analyzed['faces']> }} Library */

/**
 * Its defaults, but with all faces of a photo (by default one), without the networks that a search does not need, and
 * without its cache, which may answer a photo that resembles the one before with the faces of that one.
 *
 * @param {NodeJS.Require} load
 * @param {string} packages
 * @returns {Promise<Library>}
 */
async function createHuman(load, packages) {
  // By path, because the package exports only its build for native TensorFlow.
  const { Human } = load(path.join(packages, '@vladmandic/human/dist/human.node-wasm.js'));
  const models = await serveFolder(path.join(packages, '@vladmandic/human/models'));
  const human = new Human({
    backend: 'wasm',
    modelBasePath: models.url,
    cacheSensitivity: 0,
    face: { detector: { maxDetected: 100 }, iris: { enabled: false }, emotion: { enabled: false } },
    gesture: { enabled: false },
    body: { enabled: false },
    hand: { enabled: false },
  });
  await human.load();
  models.server.close();
  return {
    name: 'human',
    findFaces: async (tensor) => {
      const { face, error } = await human.detect(tensor);
      if (error) throw new Error(`human failed: ${error}`);
      return face
        .filter((/** @type {any} */ { embedding }) => embedding !== undefined)
        .map((/** @type {any} */ { box: [x, y, width, height], embedding }) => ({
          box: { x, y, width, height },
          embedding,
        }));
    },
  };
}

/**
 * With either detector, each with its defaults.
 *
 * @param {NodeJS.Require} load
 * @param {string} packages
 * @returns {Promise<Library[]>}
 */
async function createFaceApi(load, packages) {
  const faceapi = load(path.join(packages, '@vladmandic/face-api/dist/face-api.node-wasm.js'));
  const models = path.join(packages, '@vladmandic/face-api/model');
  for (const net of ['ssdMobilenetv1', 'tinyFaceDetector', 'faceLandmark68Net', 'faceRecognitionNet']) {
    await faceapi.nets[net].loadFromDisk(models);
  }
  return [
    { name: 'face-api, SSD MobileNet', options: new faceapi.SsdMobilenetv1Options() },
    { name: 'face-api, tiny detector', options: new faceapi.TinyFaceDetectorOptions() },
  ].map(({ name, options }) => ({
    name,
    findFaces: async (tensor) => {
      const found = await faceapi.detectAllFaces(tensor, options).withFaceLandmarks().withFaceDescriptors();
      return found.map((/** @type {any} */ { detection, descriptor }) => ({
        box: detection.box,
        embedding: descriptor,
      }));
    },
  }));
}

/** human loads its models over HTTP only. @param {string} folder */
async function serveFolder(folder) {
  const server = createServer((request, response) => {
    readFile(path.join(folder, path.basename(request.url ?? ''))).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  return { server, url: `http://127.0.0.1:${port}/` };
}

/** Both libraries compare by Euclidean distance. @type {Contender['similarity']} */
function minusSquaredDistance(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum -= (Number(a[i]) - Number(b[i])) ** 2;
  return sum;
}
