import os from 'node:os';
import { parseArgs } from 'node:util';
import { BLOCK_ROWS } from '../../dist/gallery/matrix/dot-kernel.js';
import { createContenders, createGallery } from './search-contenders.mjs';
import { measureQuality } from './search-quality.mjs';
import { embedPhotos, writeClusters } from './search-vectors.mjs';

const HELP = `Compares ways to search all faces of a gallery on one core, and prints Markdown tables.

  npm run bench:search -- [--faces 10000,100000,1000000] [--sizes 256,512] [--rounds 15]
                          [--photos FOLDER --models FOLDER [--pack mobilefacenet]] [--libraries FOLDER]

  --faces      gallery sizes; a million faces of 512 components take 5 GB of memory
  --sizes      components of an embedding, multiples of 16
  --rounds     measured rounds; each runs every way once
  --min-cosine lowest cosine of a match
  --photos     with --models: also compare the matches in real faces with float64 arithmetic
  --libraries  a folder in which usearch and simsimd are installed, to measure them too

Times are the process's CPU time, so waiting for a busy core does not count. Memory bandwidth is shared with other
processes, though: use taskset to stay on one core, and an idle machine for the best numbers.`;

const WARM_UPS = 3;

const { values } = parseArgs({
  options: {
    faces: { type: 'string', default: '10000,100000,1000000' },
    sizes: { type: 'string', default: '256,512' },
    rounds: { type: 'string', default: '15' },
    'min-cosine': { type: 'string', default: '0.448' },
    photos: { type: 'string' },
    models: { type: 'string' },
    pack: { type: 'string', default: 'mobilefacenet' },
    libraries: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
const minCosine = Number(values['min-cosine']);
const { libraries, photos, models: modelsDir, pack: modelPack } = values;

console.log(describeMachine());
for (const size of values.sizes.split(',').map(Number)) {
  for (const faces of values.faces.split(',').map(Number)) await measureSpeed(faces, size);
}
if (photos !== undefined && modelsDir !== undefined) {
  reportQuality(measureQuality(await embedPhotos({ photos, modelPack, modelsDir }), minCosine));
}

/**
 * @param {number} faces
 * @param {number} size
 */
async function measureSpeed(faces, size) {
  const rows = BLOCK_ROWS * Math.ceil(faces / BLOCK_ROWS);
  const gallery = createGallery(rows, size, writeClusters);
  const contenders = await createContenders(gallery, { libraries, minCosine });
  const times = contenders.map(() => /** @type {number[]} */ ([]));
  for (let round = -WARM_UPS; round < Number(values.rounds); round += 1) {
    for (const [i, { run }] of contenders.entries()) {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      if (round >= 0) times[i]?.push((user + system) / 1000);
    }
  }

  console.log(`\n${rows.toLocaleString('en')} faces of ${size} components\n`);
  console.log(
    '| scanned | how | ms, median | quartiles | x plain float32 | GB/s | % of the sum | bytes a face |',
  );
  console.log('| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |');
  const median = (/** @type {string} */ name, /** @type {string} */ form) =>
    quantile(times[contenders.findIndex((it) => it.name === name && it.form === form)] ?? [], 0.5);
  for (const [i, { name, form, bytesPerFace }] of contenders.entries()) {
    const [low = NaN, middle = NaN, high = NaN] = [0.25, 0.5, 0.75].map((share) =>
      quantile(times[i] ?? [], share),
    );
    const scanned = rows * size * (form === 'float32' ? 4 : 1);
    const cells = [
      form,
      name,
      toFixed(middle, 2),
      `${toFixed(low, 2)} - ${toFixed(high, 2)}`,
      toFixed(median('plain loops', 'float32') / middle, 1),
      toFixed(scanned / middle / 1e6, 1),
      toFixed((100 * median('sum of all bytes', form)) / middle, 0),
      toFixed(bytesPerFace, 0),
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

/** @param {ReturnType<typeof measureQuality>} quality */
function reportQuality(quality) {
  const { probes, matches, lost, tooMany, faces, size, furthest, rescored, sameBest, leadingError, slack } =
    quality;
  console.log(`
${probes} of ${faces} real faces (${size} components) as probes against all, cosine at least ${minCosine}:
- face matrix: ${matches} matches, ${lost} lost, ${tooMany} too many; cosines differ from float64 by at most ${furthest.toExponential(1)}
- leading bytes alone: same ten best for ${sameBest} of ${probes}; cosines off by at most ${leadingError.toFixed(4)}; median slack ${slack.toFixed(4)}
- compared in full: ${(rescored / probes).toFixed(1)} rows per search, for ${(matches / probes).toFixed(1)} matches`);
}

function describeMachine() {
  const load = os.loadavg()[0] ?? 0;
  return `${os.cpus()[0]?.model} (${os.cpus().length} cores, load ${load.toFixed(1)}), Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`;
}

/**
 * @param {readonly number[]} numbers
 * @param {number} share
 */
function quantile(numbers, share) {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.floor(share * (sorted.length - 1))] ?? Number.NaN;
}

/**
 * @param {number} number
 * @param {number} digits
 */
function toFixed(number, digits) {
  return number.toFixed(digits);
}
