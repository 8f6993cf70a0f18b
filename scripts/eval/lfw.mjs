#!/usr/bin/env node
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { embedPhotos } from './embed-photos.mjs';
import { listPhotos, readFolds } from './lfw-data.mjs';
import { crossValidate, dot, impostorCosines, thresholdAt } from './metrics.mjs';

const HELP = `Measures a model pack on Labeled Faces in the Wild, and prints the calibration for its manifest.

  npm run eval -- <lfw folder> [--pack mobilefacenet] [--models models]

  --pack    a pack of the manifest
  --models  folder of the models (fetch them with: npm run models)

The folder has one folder per person, and pairs.txt. In each photo, the face nearest the middle counts.`;

/** The score for the cosine at each false match rate. */
const ANCHORS = [
  { falseMatchRate: 1e-3, score: 0.4 },
  { falseMatchRate: 1e-4, score: 0.5 },
  { falseMatchRate: 1e-5, score: 0.6 },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    pack: { type: 'string', default: 'mobilefacenet' },
    models: { type: 'string', default: 'models' },
    help: { type: 'boolean', default: false },
  },
});
const [folder] = positionals;
if (values.help || folder === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

try {
  await evaluate(path.resolve(folder));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

/** @param {string} lfw */
async function evaluate(lfw) {
  const photos = await listPhotos(lfw);
  const folds = await readFolds(lfw, photos);
  console.log(`${os.cpus()[0]?.model} x ${os.cpus().length}, Node ${process.version}; pack ${values.pack}`);
  const startedAt = performance.now();
  const embeddings = await embedPhotos(
    lfw,
    photos.map(({ file }) => file),
    {
      pack: values.pack,
      modelsDir: path.resolve(values.models),
      onDone: (done) => {
        if (done % 500 === 0 || done === photos.length) console.log(`${done} of ${photos.length} photos`);
      },
    },
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const missed = photos.filter(({ file }) => !embeddings.has(file));
  console.log(`${(photos.length / seconds).toFixed(1)} photos/s; no face found in ${missed.length}`);
  for (const { file } of missed) console.log(`  ${file}`);

  const scored = folds.map((fold) =>
    fold.map(({ a, b, same }) => ({ same, cosine: cosineOf(embeddings.get(a), embeddings.get(b)) })),
  );
  const { accuracy, spread, thresholds } = crossValidate(scored);
  console.log(
    `\nAccuracy over ${folds.length} folds: ${percent(accuracy)} (standard deviation ${percent(spread)}), ` +
      `at cosines of ${Math.min(...thresholds).toFixed(3)} to ${Math.max(...thresholds).toFixed(3)}`,
  );

  const impostors = impostorCosines(
    photos.flatMap(({ person, file }) => {
      const embedding = embeddings.get(file);
      return embedding === undefined ? [] : [{ person, embedding }];
    }),
  );
  const genuine = scored.flat().filter(({ same }) => same);
  console.log(`\n${impostors.length} pairs of different people, ${genuine.length} of the same`);
  console.log('false match rate   cosine   same-person pairs that match');
  /** @type {[number, number][]} */
  const calibration = [[-1, 0]];
  for (const { falseMatchRate, score } of ANCHORS) {
    const threshold = thresholdAt(impostors, falseMatchRate);
    if (threshold === null) {
      console.log(`${falseMatchRate.toExponential(0).padEnd(16)}   too few pairs`);
      continue;
    }
    const rate = genuine.filter(({ cosine }) => cosine >= threshold).length / genuine.length;
    console.log(
      `${falseMatchRate.toExponential(0).padEnd(16)}   ${threshold.toFixed(3)}    ${percent(rate)}`,
    );
    calibration.push([Number(threshold.toFixed(3)), score]);
  }
  calibration.push([1, 1]);
  console.log(`\n"calibration": ${JSON.stringify(calibration)}`);
}

/**
 * A photo without a face matches no other.
 *
 * @param {Float32Array | undefined} a
 * @param {Float32Array | undefined} b
 */
function cosineOf(a, b) {
  return a === undefined || b === undefined ? -1 : dot(a, b);
}

/** @param {number} share */
function percent(share) {
  return `${(100 * share).toFixed(2)} %`;
}
