#!/usr/bin/env node
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { analyzeImage } from '../../dist/child/engine/analyze-image.js';
import { convertHeic } from '../../dist/child/engine/convert-heic.js';
import { openNetworks } from '../../dist/child/engine/networks.js';
import { pickMainFace } from '../../dist/child/vision/pick-main-face.js';
import { createCalibration } from '../../dist/shared/calibration.js';
import { findModelPack } from '../../dist/shared/model-pack.js';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { nearestTheMiddle } from './embed-photos.mjs';
import { listPhotos, readFolds } from './lfw-data.mjs';
import { dot } from './metrics.mjs';

const HELP = `Measures how well degraded selfies match: of same-person pairs that match, how many still match if one photo is turned,
mirrored, darkened, cropped or stored in another format. Each photo is analyzed as a gallery photo and as a selfie. HEIC
needs the command heif-enc (Debian: libheif-examples).

  npm run eval:selfies -- <lfw folder> [--pack mobilefacenet] [--models models] [--pairs 60]`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pack: { type: 'string', default: 'mobilefacenet' },
    models: { type: 'string', default: 'models' },
    pairs: { type: 'string', default: '60' },
    help: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (values.help || folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const lfw = path.resolve(folder);
const pack = await findModelPack(values.pack, path.resolve(values.models));
const networks = await openNetworks(pack, 'cpu', 1);
const minCosine = createCalibration(pack.calibration).cosineOf(0.6);

/** @typedef {import('sharp').Sharp} Sharp */
/** @typedef {import('../../dist/shared/face.js').Box} Box */
/** @param {number} sidePx */
const shrunk = (sidePx) => (/** @type {Sharp} */ photo) => photo.resize(sidePx, sidePx).jpeg({ quality: 90 });
/** @type {[string, (photo: Sharp, face: Box) => Sharp | Promise<Buffer>][]} */
const WAYS = [
  ['as it is', (photo) => photo.jpeg()],
  ['turned by 90 degrees', (photo) => photo.rotate(90).jpeg()],
  ['turned by 180 degrees', (photo) => photo.rotate(180).jpeg()],
  ['turned by 270 degrees', (photo) => photo.rotate(270).jpeg()],
  ['mirrored', (photo) => photo.flop().jpeg()],
  ['at half the light', (photo) => photo.linear(1 / 2, 0).jpeg()],
  ['at a quarter of the light', (photo) => photo.linear(1 / 4, 0).jpeg()],
  ['at a tenth of the light', (photo) => photo.linear(1 / 10, 0).jpeg()],
  ['at a twentieth of the light', (photo) => photo.linear(1 / 20, 0).jpeg()],
  ['at a fortieth of the light', (photo) => photo.linear(1 / 40, 0).jpeg()],
  [
    'dark (quarter) and turned by 90 degrees',
    (photo) =>
      photo
        .rotate(90)
        .linear(1 / 4, 0)
        .jpeg(),
  ],
  [
    'dark (tenth) and turned by 90 degrees',
    (photo) =>
      photo
        .rotate(90)
        .linear(1 / 10, 0)
        .jpeg(),
  ],
  ['overexposed 2 times', (photo) => photo.linear(2, 0).jpeg()],
  ['overexposed 4 times', (photo) => photo.linear(4, 0).jpeg()],
  ['overexposed 8 times', (photo) => photo.linear(8, 0).jpeg()],
  ['blurred, sigma 2 pixels', (photo) => photo.blur(2).jpeg()],
  ['blurred, sigma 3 pixels', (photo) => photo.blur(3).jpeg()],
  ['blurred, sigma 4 pixels', (photo) => photo.blur(4).jpeg()],
  ['blurred, sigma 6 pixels', (photo) => photo.blur(6).jpeg()],
  ['shrunk to 96 pixels a side', shrunk(96)],
  ['shrunk to 64 pixels a side', shrunk(64)],
  ['shrunk to 48 pixels a side', shrunk(48)],
  ['PNG of 16 bits', (photo) => photo.toColourspace('rgb16').png()],
  ['CMYK', (photo) => photo.toColourspace('cmyk').jpeg()],
  ['Display P3', (photo) => photo.withIccProfile('p3').jpeg()],
  ['cropped to the face, 1,080 pixels wide', croppedTo],
];
const temporary = await mkdtemp(path.join(tmpdir(), 'eval-selfies-'));
if (spawnSync('heif-enc', ['--help']).error === undefined) WAYS.push(['HEIC', toHeic]);
else console.log('No HEIC: the command heif-enc is not installed');

const maxImagePixels = 100_000_000;
/** @param {Buffer} encoded @param {boolean} selfie */
const analyze = async (encoded, selfie) =>
  analyzeImage(await convertHeic(encoded, maxImagePixels), {
    pack,
    networks,
    maxImagePixels,
    kind: selfie ? 'selfie' : 'photo',
  });

const folds = await readFolds(lfw, await listPhotos(lfw));
const pairs = [];
for (const { a, b, same } of folds.flat().filter((_, i) => i % 7 === 0)) {
  if (!same || pairs.length === Number(values.pairs)) continue;
  const photo = await readFile(path.join(lfw, a));
  const first = nearestTheMiddle(await analyze(photo, false));
  const other = nearestTheMiddle(await analyze(await readFile(path.join(lfw, b)), false));
  if (!first || !other || dot(first.embedding, other.embedding) < minCosine) continue;
  pairs.push({ photo, face: first.box, other: other.embedding });
}

const rows = [];
for (const [way, treat] of WAYS) {
  const counts = [0, 0];
  const times = [/** @type {number[]} */ ([]), /** @type {number[]} */ ([])];
  /** @type {{ brightness: number, sharpness: number, sizePx: number }[]} */
  const seen = [];
  for (const { photo, face: treatedFace, other } of pairs) {
    const treated = await treat(sharp(photo), treatedFace);
    const encoded = Buffer.isBuffer(treated) ? treated : await treated.toBuffer();
    for (const [i, selfie] of [false, true].entries()) {
      const startedAt = performance.now();
      const image = await analyze(encoded, selfie);
      times[i]?.push(performance.now() - startedAt);
      const face = pickMainFace(image.faces, image);
      if (face !== null && selfie) {
        const { brightness, sharpness, box } = face;
        seen.push({ brightness, sharpness, sizePx: Math.min(box.width, box.height) });
      }
      if (face !== null && dot(face.embedding, other) >= minCosine) counts[i] = (counts[i] ?? 0) + 1;
    }
  }
  const qualities = /** @type {const} */ (['brightness', 'sharpness', 'sizePx']).map((key) =>
    seen.length === 0 ? '-' : median(seen.map((face) => face[key])).toFixed(0),
  );
  rows.push([
    way,
    ...counts.map(String),
    ...times.map((durations) => median(durations).toFixed(0)),
    ...qualities,
  ]);
}
await networks.release();
await rm(temporary, { recursive: true });
console.log(`${describeMachine()}; pack ${values.pack}; ${pairs.length} selfies that match unchanged`);
console.log(
  formatTable([
    ['selfie', 'before', 'now', 'before, ms', 'now, ms', 'brightness', 'sharpness', 'face, px'],
    ...rows,
  ]),
);

/** @param {Sharp} photo @param {Box} face may be partly outside the photo */
async function croppedTo(photo, { x, y, width, height }) {
  const size = await photo.metadata();
  const [left, top] = [Math.max(0, Math.ceil(x)), Math.max(0, Math.ceil(y))];
  const right = Math.min(size.width, Math.floor(x + width));
  const bottom = Math.min(size.height, Math.floor(y + height));
  return photo
    .extract({ left, top, width: right - left, height: bottom - top })
    .resize(1080)
    .jpeg()
    .toBuffer();
}

/** @param {Sharp} photo */
async function toHeic(photo) {
  const [png, heic] = [path.join(temporary, 'photo.png'), path.join(temporary, 'photo.heic')];
  await photo.png().toFile(png);
  const { status, stderr } = spawnSync('heif-enc', ['-q', '90', png, '-o', heic]);
  if (status !== 0) throw new Error(`heif-enc failed: ${stderr.toString()}`);
  return readFile(heic);
}
