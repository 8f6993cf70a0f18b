#!/usr/bin/env node
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { analyzeImage } from '../../dist/child/engine/analyze-image.js';
import { findModelPack } from '../../dist/shared/model-pack.js';
import { openNetworks } from '../../dist/child/engine/networks.js';
import { yawDegOf } from '../../dist/gallery/face-quality.js';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { nearestTheMiddle } from './embed-photos.mjs';
import { listPhotos, readFolds } from './lfw-data.mjs';
import { dot } from './metrics.mjs';

const HELP = `Measures which faces are too small, too blurred or turned too far to be recognised: the basis of the default gallery
limits. Prints the shares of same-person pairs and of different-person pairs that match at the default score.

  npm run eval:quality -- <lfw folder> [--pack mobilefacenet] [--models models] [--folds 3] [--blurred 300]

  --folds    folds of Labeled Faces in the Wild whose photos are used
  --blurred  photos that are also measured with their face shrunk and enlarged again`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pack: { type: 'string', default: 'mobilefacenet' },
    models: { type: 'string', default: 'models' },
    folds: { type: 'string', default: '3' },
    blurred: { type: 'string', default: '300' },
    help: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (values.help || folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

/** Widths to which faces are shrunk, in pixels. */
const SIZES_PX = [10, 12, 16, 20, 24, 32, 48];
const YAW_EDGES_DEG = [0, 10, 20, 30, 40, 50, 90];
const SHARPNESS_EDGES = [0, 50, 100, 200, 400, 800, 65_536];

/** @typedef {{ person: string, embedding: Float32Array, yawDeg: number, sharpness: number, widthPx: number }} Seen */

const lfw = path.resolve(folder);
const pack = await findModelPack(values.pack, path.resolve(values.models));
const networks = await openNetworks(pack, 'cpu', 1);
const matchCosine = pack.calibration.find(([, score]) => score === 0.6)?.[0] ?? 1;
const photos = await listPhotos(lfw);
const personOf = new Map(photos.map(({ file, person }) => [file, person]));
const folds = await readFolds(lfw, photos);
const pairs = folds
  .slice(0, Number(values.folds))
  .flat()
  .filter(({ same }) => same);

/** @param {Buffer} photo @param {string} file @returns {Promise<Seen | null>} */
async function look(photo, file) {
  const face = nearestTheMiddle(await analyzeImage(photo, { pack, networks, maxImagePixels: 100_000_000 }));
  if (face === undefined) return null;
  const { embedding, sharpness, landmarks, box } = face;
  const person = personOf.get(file) ?? file;
  return { person, embedding, sharpness, yawDeg: yawDegOf(landmarks), widthPx: box.width };
}

/** @type {Map<string, Seen>} */
const seen = new Map();
for (const file of new Set(pairs.flatMap(({ a, b }) => [a, b]))) {
  const face = await look(await readFile(path.join(lfw, file)), file);
  if (face !== null) seen.set(file, face);
}
const gallery = [...seen.values()];
console.log(
  `${describeMachine()}; ${gallery.length} photos, ${pairs.length} same-person pairs, cosine ${matchCosine}`,
);

/**
 * @param {readonly (readonly [Seen, Seen])[]} genuine
 * @param {readonly Seen[]} probes
 */
function rates(genuine, probes) {
  const matching = genuine.filter(([a, b]) => dot(a.embedding, b.embedding) >= matchCosine).length;
  let [impostors, falseMatches] = [0, 0];
  for (const probe of probes) {
    for (const other of gallery) {
      if (other.person === probe.person) continue;
      impostors += 1;
      if (dot(probe.embedding, other.embedding) >= matchCosine) falseMatches += 1;
    }
  }
  return [
    genuine.length,
    `${((100 * matching) / genuine.length).toFixed(1)} %`,
    (falseMatches / impostors).toExponential(1),
  ];
}

const genuinePairs = pairs.flatMap(({ a, b }) => {
  const [first, second] = [seen.get(a), seen.get(b)];
  return first && second ? [/** @type {const} */ ([first, second])] : [];
});

/**
 * @param {string} title
 * @param {readonly number[]} edges
 * @param {(face: Seen) => number} valueOf
 * @param {(a: number, b: number) => number} worse
 */
function printBuckets(title, edges, valueOf, worse) {
  const rows = edges.slice(0, -1).map((from, i) => {
    const to = edges[i + 1] ?? Infinity;
    const inside = (/** @type {number} */ value) => value >= from && value < to;
    const genuine = genuinePairs.filter(([a, b]) => inside(worse(valueOf(a), valueOf(b))));
    return [
      `${from} to ${to}`,
      ...rates(
        genuine,
        gallery.filter((face) => inside(valueOf(face))),
      ),
    ];
  });
  console.log(formatTable([[title, 'pairs', 'match', 'false matches'], ...rows]), '\n');
}

printBuckets('yaw of the worse, degrees', YAW_EDGES_DEG, ({ yawDeg }) => yawDeg, Math.max);
printBuckets('sharpness of the worse', SHARPNESS_EDGES, ({ sharpness }) => sharpness, Math.min);

const rows = [];
for (const sizePx of SIZES_PX) {
  const genuine = [];
  const probes = [];
  for (const { a, b } of pairs.slice(0, Number(values.blurred))) {
    const [first, second] = [seen.get(a), seen.get(b)];
    if (!first || !second) continue;
    const photo = await readFile(path.join(lfw, a));
    const { width, height } = await sharp(photo).metadata();
    const small = await sharp(photo)
      .resize({ width: Math.round((width * sizePx) / first.widthPx) })
      .jpeg({ quality: 90 })
      .toBuffer();
    const blurred = await look(await sharp(small).resize(width, height, { fit: 'fill' }).png().toBuffer(), a);
    if (blurred === null) continue;
    probes.push(blurred);
    genuine.push(/** @type {const} */ ([blurred, second]));
  }
  const sharpness = probes.map((face) => face.sharpness);
  rows.push([sizePx, ...rates(genuine, probes), median(sharpness)]);
}
console.log(formatTable([['face, px', 'found', 'match', 'false matches', 'median sharpness'], ...rows]));
await networks.release();
