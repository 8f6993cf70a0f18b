import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { mainThreadCpuMs } from '../faults/processes.mjs';
import { describeMachine, formatSpread, formatTable, median } from '../faults/report.mjs';
import { startRedisServer } from '../support/redis-server.mjs';
import { createEngineAlone, startBenchWorker } from './bench-worker.mjs';
import { readJpegs } from './read-jpegs.mjs';

const HELP = `Compares indexing through the queue with the engine alone, on the same new photos and threads, in turns.

  node scripts/bench/indexing.mjs --photos FOLDER --models FOLDER [--pack mobilefacenet] [--count 1200] [--rounds 3]

  --photos  folder of JPEGs, with subfolders
  --count   photos per round; the command line sees its end up to a quarter of a second late
  --threads engine threads (default: one per core)`;

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    photos: { type: 'string' },
    models: { type: 'string', default: 'models' },
    pack: { type: 'string', default: 'mobilefacenet' },
    count: { type: 'string', default: '1200' },
    rounds: { type: 'string', default: '3' },
    threads: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.photos === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const [count, rounds] = [Number(values.count), Number(values.rounds)];

const directory = await mkdtemp(path.join(tmpdir(), 'indexing-'));
const originals = await readJpegs(path.resolve(values.photos), count);
await writeStage('other', 1);
const redisServer = await startRedisServer();
const worker = await startBenchWorker({
  directory,
  redisPort: redisServer.port,
  models: path.resolve(values.models),
  pack: values.pack,
  gallery: path.join(directory, 'gallery'),
  threads: values.threads,
});

const engine = await createEngineAlone(worker, directory);

/** @type {number[]} */
const alone = [];
/** @type {number[]} */
const queued = [];
/** Of the worker's main thread. @type {number[]} */
const mainCpuMs = [];
for (let round = -1; round < rounds; round += 1) {
  // The first round warms up both.
  const photos = round < 0 ? Math.min(60, count) : count;
  const stage = `round-${round}`;
  await writeStage(stage, photos);
  const aloneRate = await runAlone(stage);
  const mainBeforeMs = (await mainThreadCpuMs(worker.pid)) ?? NaN;
  const rates = [aloneRate, await runQueued(stage)];
  console.error(`round ${round}: alone ${rates[0]?.toFixed(1)}/s, queue ${rates[1]?.toFixed(1)}/s`);
  if (round < 0) continue;
  alone.push(rates[0] ?? NaN);
  queued.push(rates[1] ?? NaN);
  mainCpuMs.push((((await mainThreadCpuMs(worker.pid)) ?? NaN) - mainBeforeMs) / count);
}
const ratios = queued.map((rate, i) => rate / (alone[i] ?? NaN));
console.log(
  `${describeMachine()}; pack ${values.pack}, ${count} photos a round, ${values.threads} threads\n`,
);
console.log(
  formatTable([
    ['', 'median', 'spread'],
    ['photos/s, engine alone', median(alone).toFixed(1), formatSpread(alone, 1)],
    ['photos/s, through the queue', median(queued).toFixed(1), formatSpread(queued, 1)],
    ['ratio', median(ratios).toFixed(2), formatSpread(ratios, 2)],
    ['CPU ms a photo of the main thread', median(mainCpuMs).toFixed(1), formatSpread(mainCpuMs, 1)],
  ]),
);

await engine.stop();
await worker.stop();
await redisServer.stop();
await rm(directory, { recursive: true, force: true });

/** @param {string} stage */
async function runAlone(stage) {
  const folder = path.join(directory, 'gallery', stage);
  const names = (await readdir(folder)).values();
  const startedMs = performance.now();
  let photos = 0;
  const lane = async () => {
    for (const name of names) {
      await engine.analyze({ kind: 'bytes', bytes: await readFile(path.join(folder, name)) });
      photos += 1;
    }
  };
  await Promise.all(Array.from({ length: 2 * engine.capacity }, lane));
  return (1000 * photos) / (performance.now() - startedMs);
}

/** @param {string} stage */
async function runQueued(stage) {
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [path.join(ROOT, 'dist/cli.js'), 'index', stage],
    { cwd: directory, env: worker.environment },
  );
  const rate = /([\d.]+) photos\/s/.exec(stdout)?.[1];
  if (rate === undefined) throw new Error(`The command printed no rate: ${stdout}`);
  return Number(rate);
}

/** @param {string} stage @param {number} photos */
async function writeStage(stage, photos) {
  const folder = path.join(directory, 'gallery', stage);
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < photos; i += 1) {
    const original = /** @type {Buffer} */ (originals[i % originals.length]);
    // Bytes after the end of a JPEG change only its hash.
    await writeFile(
      path.join(folder, `IMG_${i}.jpg`),
      Buffer.concat([original, Buffer.from(`${stage} ${i}`)]),
    );
  }
}
