import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { createEngine } from '../../dist/child/engine/engine-pool.js';
import { loadConfig } from '../../dist/shared/config.js';
import { createLogger } from '../../dist/shared/logger.js';
import { nearestTheMiddle } from '../eval/embed-photos.mjs';
import { dot } from '../eval/metrics.mjs';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { createPeers, installPeers, PEER_VERSIONS } from './peer-libraries.mjs';
import { choosePairs, judge } from './peer-quality.mjs';

const HELP = `Compares the engine with other face libraries for Node.js, on the same photos, in turns.

  node scripts/bench/peers.mjs --photos FOLDER --models FOLDER [--pack mobilefacenet] [--people 100] [--count 60] [--rounds 3]

  --photos  one folder per person, like LFW
  --models  folder of the engine's models
  --people  people for the comparison of quality, with two photos each
  --count   how many of these photos a round of the comparison of speed takes
  --rounds  rounds of the comparison of speed

Installs the other libraries with npm into a temporary folder (400 MB), and removes it at the end. All decode with the
engine's decoder, find all faces and embed each of them.`;

/** So that a disturbance of the machine meets all contenders. */
const PHOTOS_PER_TURN = 20;

const { values } = parseArgs({
  options: {
    photos: { type: 'string' },
    models: { type: 'string', default: 'models' },
    pack: { type: 'string', default: 'mobilefacenet' },
    people: { type: 'string', default: '100' },
    count: { type: 'string', default: '60' },
    rounds: { type: 'string', default: '3' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.photos === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const rounds = Number(values.rounds);
const photos = await Promise.all(
  (await choosePairs(path.resolve(values.photos), Number(values.people))).map(async ({ person, file }) => ({
    person,
    bytes: await readFile(file),
  })),
);
const timed = photos.slice(0, Number(values.count));

const folder = mkdtempSync(path.join(tmpdir(), 'peers-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
installPeers(folder);
const engines = await Promise.all([startEngine(1), startEngine(availableParallelism())]);
// The first one is the base of the ratios.
const contenders = [...engines.map(toContender), ...(await createPeers(folder))];

console.log(`${describeMachine()}
${engines[0]?.name}; ${PEER_VERSIONS.join(', ')}
${photos.length} photos for quality; ${timed.length} photos a round, ${rounds} rounds for speed
`);
// Measured first, because this also warms up all contenders.
const quality = [['', 'faces', 'photos without', 'pairs above all others', 'pairs above 99.9 %']];
for (const contender of contenders) quality.push(await measureQuality(contender));
console.log(`${formatTable(await measureSpeed())}\n`);
console.log(formatTable(quality));
await Promise.all(engines.map((engine) => engine.stop()));

/** @typedef {import('./peer-libraries.mjs').Contender} Contender */

/** @param {number} threads */
function startEngine(threads) {
  const environment = { MODELS_DIR: path.resolve(values.models), MODEL_PACK: values.pack };
  return createEngine({
    device: { kind: 'cpu', index: 0, name: 'CPU' },
    config: { ...loadConfig(environment, folder).engine, provider: 'cpu', threads },
    logger: createLogger('bench', 'warn'),
  });
}

/**
 * The engine with one thread gets one photo at a time, because it would decode the next one beside the networks.
 *
 * @param {import('../../dist/child/engine/engine.js').Engine} engine
 * @param {number} i
 * @returns {Contender}
 */
function toContender(engine, i) {
  return {
    name: i === 0 ? 'this engine, one thread' : 'this engine, all cores',
    inFlight: i === 0 ? 1 : engine.capacity,
    analyze: (bytes) => engine.analyze({ kind: 'bytes', bytes }),
    similarity: (a, b) => dot(/** @type {Float32Array} */ (a), /** @type {Float32Array} */ (b)),
  };
}

async function measureSpeed() {
  const measured = contenders.map(() => /** @type {{ rate: number, cpuMs: number }[]} */ ([]));
  for (let round = 0; round < rounds; round += 1) {
    const spent = contenders.map(() => ({ wallMs: 0, cpuMs: 0 }));
    for (let first = 0; first < timed.length; first += PHOTOS_PER_TURN) {
      const turn = timed.slice(first, first + PHOTOS_PER_TURN);
      for (const [i, contender] of contenders.entries()) {
        const [startedMs, before] = [performance.now(), process.cpuUsage()];
        await analyzeAll(contender, turn);
        const { user, system } = process.cpuUsage(before);
        const own = /** @type {(typeof spent)[number]} */ (spent[i]);
        own.wallMs += performance.now() - startedMs;
        own.cpuMs += (user + system) / 1000;
      }
    }
    for (const [i, { wallMs, cpuMs }] of spent.entries()) {
      measured[i]?.push({ rate: (1000 * timed.length) / wallMs, cpuMs: cpuMs / timed.length });
    }
    console.error(`round ${round + 1} of ${rounds} done`);
  }
  const base = measured[0] ?? [];
  const rows = contenders.map(({ name }, i) => {
    const own = measured[i] ?? [];
    const rates = own.map(({ rate }) => rate);
    return [
      name,
      median(rates).toFixed(1),
      `${Math.min(...rates).toFixed(1)} to ${Math.max(...rates).toFixed(1)}`,
      median(own.map(({ cpuMs }) => cpuMs)).toFixed(1),
      median(rates.map((rate, round) => rate / (base[round]?.rate ?? NaN))).toFixed(3),
    ];
  });
  return [['', 'photos/s', 'spread', 'CPU ms a photo', 'to one thread'], ...rows];
}

/** In each photo, the face nearest the middle counts. @param {Contender} contender */
async function measureQuality(contender) {
  const images = await analyzeAll(contender, photos);
  const embeddings = images.map((image) => nearestTheMiddle(image)?.embedding);
  const { aboveAll, aboveMost } = judge(
    photos.map(({ person }, i) => ({ person, embedding: embeddings[i] })),
    contender.similarity,
  );
  console.error(`${contender.name}: quality measured`);
  return [
    contender.name,
    String(images.reduce((sum, { faces }) => sum + faces.length, 0)),
    String(embeddings.filter((embedding) => embedding === undefined).length),
    percent(aboveAll),
    percent(aboveMost),
  ];
}

/**
 * @param {Contender} contender
 * @param {readonly { bytes: Buffer }[]} batch
 */
async function analyzeAll({ analyze, inFlight }, batch) {
  /** @type {import('./peer-libraries.mjs').Analyzed[]} */
  const images = [];
  const remaining = batch.entries();
  const lane = async () => {
    for (const [i, { bytes }] of remaining) images[i] = await analyze(bytes);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  return images;
}

/** @param {number | null} share */
function percent(share) {
  return share === null ? 'too few pairs' : `${(100 * share).toFixed(1)} %`;
}
