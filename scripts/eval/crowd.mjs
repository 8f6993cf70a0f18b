#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { analyzeImage } from '../../dist/child/engine/analyze-image.js';
import { findModelPack } from '../../dist/shared/model-pack.js';
import { openNetworks, warmUp } from '../../dist/child/engine/networks.js';
import { decodeImage } from '../../dist/child/vision/decode.js';
import { detectFaces, scaleFace } from '../../dist/child/vision/detect.js';
import { DETECTOR_SIDE_PX } from '../../dist/child/vision/find-faces.js';
import { shrink } from '../../dist/child/vision/pixels/resample.js';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { listPhotos } from './lfw-data.mjs';
import { dot } from './metrics.mjs';

const HELP = `Measures how small a face in a group photo may be. It composes 24-megapixel images of 60 real people each, and
counts how many the first detector pass finds, how many both passes find, and how many are recognised.

  npm run eval:crowd -- <lfw folder> [--pack mobilefacenet] [--models models] [--pictures 3]

The images consist of photos of Labeled Faces in the Wild, each shrunk so that its face has the wanted size.`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pack: { type: 'string', default: 'mobilefacenet' },
    models: { type: 'string', default: 'models' },
    pictures: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (values.help || folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const SIZE = { widthPx: 6000, heightPx: 4000 };
const [COLUMNS, ROWS] = [10, 6];
/** Widths of the faces, in pixels of the whole image. */
const FACE_SIZES_PX = [20, 30, 40, 60, 80, 100, 150, 200];
/** Coprime to the number of photos, so that each image shows other people. */
const STRIDE = 61;

const lfw = path.resolve(folder);
const pack = await findModelPack(values.pack, path.resolve(values.models));
const networks = await openNetworks(pack, 'cpu', 1);
await warmUp(networks, pack);
const options = { pack, networks, maxImagePixels: 100_000_000 };
const matchCosine = pack.calibration.find(([, score]) => score === 0.6)?.[0] ?? 1;
const photos = await listPhotos(lfw);

/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/** @typedef {{ photo: Buffer, box: Box, embedding: Float32Array }} Portrait */

/** @param {number} count @param {number} skip @returns {Promise<Portrait[]>} */
async function readPortraits(count, skip) {
  const portraits = [];
  for (let i = skip; portraits.length < count; i += 1) {
    const { file } = photos[(i * STRIDE) % photos.length] ?? { file: '' };
    const photo = await readFile(path.join(lfw, file));
    const { faces } = await analyzeImage(photo, options);
    // Faces in the background would count for the wrong person.
    const [face] = faces;
    if (faces.length === 1 && face !== undefined) portraits.push({ photo, ...face });
  }
  return portraits;
}

/**
 * @param {readonly Portrait[]} portraits
 * @param {number} facePx
 */
async function layPicture(portraits, facePx) {
  const cell = { width: SIZE.widthPx / COLUMNS, height: SIZE.heightPx / ROWS };
  const people = [];
  const layers = [];
  for (const [i, { photo, box }] of portraits.entries()) {
    const { width } = await sharp(photo).metadata();
    const side = Math.min(cell.width, Math.round((width * facePx) / box.width));
    const factor = side / width;
    const left = Math.round((i % COLUMNS) * cell.width + (cell.width - side) / 2);
    const top = Math.round(Math.floor(i / COLUMNS) * cell.height + (cell.height - side) / 2);
    layers.push({ input: await sharp(photo).resize(side, side).png().toBuffer(), left, top });
    people.push({ x: left + (box.x + box.width / 2) * factor, y: top + (box.y + box.height / 2) * factor });
  }
  const picture = await sharp({
    create: { width: SIZE.widthPx, height: SIZE.heightPx, channels: 3, background: '#6b7a5e' },
  })
    .composite(layers)
    .jpeg({ quality: 90 })
    .toBuffer();
  return { picture, people };
}

/** @param {Buffer} picture */
async function lookOnce(picture) {
  const { image, widthPx } = await decodeImage(picture, 1e9);
  const small = shrink(image, DETECTOR_SIDE_PX);
  const [faces = []] = await detectFaces([small], pack.detector, networks.runDetector);
  return faces.map((face) => scaleFace(face, widthPx / small.widthPx));
}

/**
 * @template {{ box: Box }} T
 * @param {readonly T[]} faces
 * @param {{ x: number, y: number }} person
 * @returns {T | undefined}
 */
function faceOf(faces, { x, y }) {
  return faces.find(({ box }) => x > box.x && x < box.x + box.width && y > box.y && y < box.y + box.height);
}

const rows = [];
for (const facePx of FACE_SIZES_PX) {
  const counts = { once: 0, closer: 0, recognised: 0, others: 0, people: 0 };
  const times = { once: /** @type {number[]} */ ([]), closer: /** @type {number[]} */ ([]) };
  for (let i = 0; i < Number(values.pictures); i += 1) {
    const portraits = await readPortraits(COLUMNS * ROWS, 1000 * i);
    const { picture, people } = await layPicture(portraits, facePx);
    const startedAt = performance.now();
    const once = await lookOnce(picture);
    const between = performance.now();
    const { faces } = await analyzeImage(picture, options);
    times.once.push(between - startedAt);
    times.closer.push(performance.now() - between);
    const found = people.map((person) => faceOf(faces, person));
    counts.people += people.length;
    counts.once += people.filter((person) => faceOf(once, person) !== undefined).length;
    counts.closer += found.filter((face) => face !== undefined).length;
    counts.others += faces.length - found.filter((face) => face !== undefined).length;
    counts.recognised += found.filter(
      (face, k) =>
        face !== undefined && dot(face.embedding, portraits[k]?.embedding ?? face.embedding) >= matchCosine,
    ).length;
  }
  const share = (/** @type {number} */ count) => `${((100 * count) / counts.people).toFixed(0)} %`;
  rows.push([
    String(facePx),
    share(counts.once),
    share(counts.closer),
    share(counts.recognised),
    String(counts.others),
    (median(times.once) / 1000).toFixed(2),
    (median(times.closer) / 1000).toFixed(2),
  ]);
}
await networks.release();
console.log(`${describeMachine()}; ${values.pictures} images of ${COLUMNS * ROWS} people per row`);
console.log(
  formatTable([
    ['face, px', 'one pass', 'two passes', 'recognised', 'not a person', 'one pass, s', 'all, s'],
    ...rows,
  ]),
);
