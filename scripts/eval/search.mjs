#!/usr/bin/env node
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { searchExpanded } from '../../dist/gallery/expand-probe.js';
import { createCalibration } from '../../dist/shared/calibration.js';
import { findModelPack, packKey } from '../../dist/shared/model-pack.js';
import { describeMachine, formatTable } from '../faults/report.mjs';
import { embedPhotos } from './embed-photos.mjs';
import { listPhotos } from './lfw-data.mjs';
import { dot } from './metrics.mjs';

const HELP = `Measures the quality of a search: the share of a person's photos that it finds, and the wrong photos that it returns.

  npm run eval:search -- <lfw folder> [--pack mobilefacenet] [--models models] [--score 0.6] [--selfies 1]

  --score    the default score of a match
  --selfies  photos per person that are used as the selfie in turn

It searches for each person with at least three photos: one photo is the selfie; the others and photos of other people are
the gallery. In each photo, the face nearest the middle counts. Embeddings are cached in a file in ${os.tmpdir()}.`;

const MIN_PHOTOS = 3;
const GALLERY_SIZES = [1000, 4000, Infinity];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pack: { type: 'string', default: 'mobilefacenet' },
    models: { type: 'string', default: 'models' },
    score: { type: 'string', default: '0.6' },
    selfies: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (values.help || folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

/** @typedef {{ person: string, embedding: Float32Array }} Face */

const lfw = path.resolve(folder);
const modelsDir = path.resolve(values.models);
const pack = await findModelPack(values.pack, modelsDir);
const calibration = createCalibration(pack.calibration);
const minCosine = calibration.cosineOf(Number(values.score));
const rule = { confidentCosine: calibration.cosineOf(0.6), agreeingCosine: calibration.cosineOf(0.5) };

const faces = await embedAll();
/** @type {Map<string, Face[]>} */
const byPerson = new Map();
for (const face of faces) byPerson.set(face.person, [...(byPerson.get(face.person) ?? []), face]);
const searches = [...byPerson.values()]
  .filter((photos) => photos.length >= MIN_PHOTOS)
  .flatMap((photos) => photos.slice(0, Number(values.selfies)).map((selfie) => ({ selfie, photos })));
console.log(
  `${describeMachine()}; pack ${values.pack}; ${faces.length} photos, ${searches.length} searches; cosine ${minCosine.toFixed(3)}`,
);

const rows = GALLERY_SIZES.filter((size) => size <= faces.length || size === Infinity).flatMap((size) =>
  [false, true].map((expand) => measure(size, expand)),
);
console.log(formatTable([['gallery', 'expanded', 'found', 'wrong per search', 'with a wrong one'], ...rows]));

/** @param {number} size @param {boolean} expand */
function measure(size, expand) {
  let [found, wrong, searchesWithWrong] = [0, 0, 0];
  for (const { selfie, photos } of searches) {
    const own = photos.filter((face) => face !== selfie);
    const gallery = [...own, ...strangersOf(selfie, size - own.length)];
    const { matches } = searchExpanded(
      selfie.embedding,
      minCosine,
      expand ? rule : null,
      (probe, atLeast) =>
        gallery
          .map((face) => ({ face, cosine: dot(probe, face.embedding) }))
          .filter(({ cosine }) => cosine >= atLeast),
      ({ face }) => face.embedding,
    );
    const right = matches.filter(({ face }) => face.person === selfie.person).length;
    found += right / own.length;
    wrong += matches.length - right;
    if (matches.length > right) searchesWithWrong += 1;
  }
  const share = (/** @type {number} */ value) => `${((100 * value) / searches.length).toFixed(1)} %`;
  return [
    size === Infinity ? `all (${faces.length - 1})` : String(size),
    expand ? 'yes' : 'no',
    share(found),
    (wrong / searches.length).toFixed(3),
    share(searchesWithWrong),
  ];
}

/** Other people's photos, spread evenly over the folder. @param {Face} selfie @param {number} count */
function strangersOf(selfie, count) {
  const strangers = faces.filter(({ person }) => person !== selfie.person);
  if (count >= strangers.length) return strangers;
  return Array.from(
    { length: count },
    (_, i) => /** @type {Face} */ (strangers[Math.floor((i * strangers.length) / count)]),
  );
}

/** @returns {Promise<Face[]>} */
async function embedAll() {
  const photos = await listPhotos(lfw);
  const size = pack.embedder.embeddingSize;
  const key = createHash('sha256')
    .update(JSON.stringify([packKey(pack, false), lfw, photos.length]))
    .digest('hex')
    .slice(0, 12);
  const cache = path.join(os.tmpdir(), `face-search-eval-${key}.bin`);
  /** @type {Float32Array} */
  let vectors;
  try {
    const bytes = await readFile(cache);
    vectors = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
  } catch {
    const embeddings = await embedPhotos(
      lfw,
      photos.map(({ file }) => file),
      { pack: values.pack, modelsDir, onDone: (done) => done % 500 === 0 && console.log(`${done} photos`) },
    );
    // A photo without a face is a vector of zeros.
    vectors = new Float32Array(photos.length * size);
    for (const [i, { file }] of photos.entries()) vectors.set(embeddings.get(file) ?? [], i * size);
    await writeFile(cache, Buffer.from(vectors.buffer));
  }
  return photos.flatMap(({ person }, i) => {
    const embedding = vectors.subarray(i * size, (i + 1) * size);
    return embedding.every((component) => component === 0) ? [] : [{ person, embedding }];
  });
}
