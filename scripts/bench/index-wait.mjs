import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Job, Queue, QueueEvents } from 'bullmq';
import { cpuMs } from '../faults/processes.mjs';
import { startRedisServer } from '../support/redis-server.mjs';
import { writeTinyModels } from '../tiny/models.mjs';
import { drawScene } from '../tiny/scene.mjs';
import { startBenchWorker } from './bench-worker.mjs';

const HELP = `Measures how long searches wait for the index of their stage, with one supervisor and one CPU worker.

  node scripts/bench/index-wait.mjs [--photos 1500] [--small 96 (0: none)] [--students 40] [--rounds 3]
                                    [--models FOLDER --pack mobilefacenet]

  Without --models, it runs anywhere: it uses tiny models that find drawn faces.
  CPU seconds are those of the worker's process. Unlike times, they hardly depend on other load on the machine.`;

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '1500' },
    small: { type: 'string', default: '96' },
    students: { type: 'string', default: '40' },
    rounds: { type: 'string', default: '3' },
    models: { type: 'string' },
    pack: { type: 'string', default: 'mobilefacenet' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
const [photos, small, students, rounds] = [values.photos, values.small, values.students, values.rounds].map(
  Number,
);

const directory = await mkdtemp(path.join(tmpdir(), 'index-wait-'));
const photo = await drawScene({
  widthPx: 240,
  heightPx: 240,
  faces: [{ person: 1, x: 75, y: 90, sizePx: 80 }],
});
const selfie = photo.toString('base64');
if (values.models === undefined) await writeTinyModels(path.join(directory, 'models'));

/** @param {string} stage @param {number} count */
async function drawStage(stage, count) {
  const folder = path.join(directory, 'gallery', stage);
  await mkdir(folder, { recursive: true });
  for (let i = 0; i < count; i += 1) {
    // Bytes after the end of a PNG change only its hash.
    await writeFile(path.join(folder, `IMG_${i}.png`), Buffer.concat([photo, Buffer.from(`${stage} ${i}`)]));
  }
}

const redis = await startRedisServer();
// A worker takes no jobs while its gallery folder is empty.
await drawStage('other', 1);
const worker = await startBenchWorker({
  directory,
  redisPort: redis.port,
  models: values.models ?? path.join(directory, 'models'),
  pack: values.models === undefined ? 'tiny' : values.pack,
  gallery: path.join(directory, 'gallery'),
});
const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
const queue = new Queue('face-search', { connection });
const events = new QueueEvents('face-search', { connection });
queue.setMaxListeners(0);
events.setMaxListeners(0);
await events.waitUntilReady();
/** @param {string} stage */
async function search(stage) {
  const startedMs = performance.now();
  const job = await queue.add('search', { image: selfie, stage, limit: 1, uid: 'bench' });
  await job.waitUntilFinished(events);
  const ended = /** @type {Job} */ (await Job.fromId(queue, job.id ?? ''));
  return { seconds: (performance.now() - startedMs) / 1000, starts: ended.attemptsStarted };
}

/** @param {string} stage @param {number} count */
async function searchTogether(stage, count) {
  const before = ((await cpuMs(worker.pid)) ?? NaN) / 1000;
  const all = await Promise.all(Array.from({ length: count }, () => search(stage)));
  return {
    first: Math.min(...all.map(({ seconds }) => seconds)),
    last: Math.max(...all.map(({ seconds }) => seconds)),
    cpu: ((await cpuMs(worker.pid)) ?? NaN) / 1000 - before,
    starts: Math.max(...all.map(({ starts }) => starts)),
  };
}

/**
 * Prints an intermediate result.
 *
 * @template T
 * @param {string} name
 * @param {T} result
 */
function note(name, result) {
  console.error(name, JSON.stringify(result));
  return result;
}

/** @param {number[]} numbers */
const median = (numbers) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? NaN;

/** @type {Awaited<ReturnType<typeof searchTogether>>[]} */
const one = [];
/** @type {Awaited<ReturnType<typeof searchTogether>>[]} */
const many = [];
/** @type {{ alone: number, beside: number, large: number }[]} */
const besides = [];
for (let round = 0; round < Number(rounds); round += 1) {
  for (const stage of [`one-${round}`, `many-${round}`, `large-${round}`])
    await drawStage(stage, photos ?? 0);
  for (const stage of [`alone-${round}`, `beside-${round}`]) await drawStage(stage, small ?? 0);
  one.push(note('one', await searchTogether(`one-${round}`, 1)));
  many.push(note('many', await searchTogether(`many-${round}`, students ?? 0)));
  if (small === 0) continue;
  const alone = await search(`alone-${round}`);
  const large = search(`large-${round}`);
  await sleep(1000);
  const beside = await search(`beside-${round}`);
  besides.push(
    note('stages', { alone: alone.seconds, beside: beside.seconds, large: (await large).seconds }),
  );
}

const rows = [
  [`1 student, ${photos} new photos`, one],
  [`${students} students, ${photos} new photos`, many],
];
console.log('| searches | first answer, s | last answer, s | CPU, s | most starts |');
console.log('| --- | --- | --- | --- | --- |');
for (const [name, results] of /** @type {[string, typeof one][]} */ (rows)) {
  const of = (/** @type {'first' | 'last' | 'cpu'} */ key) =>
    median(results.map((result) => result[key])).toFixed(1);
  const starts = Math.max(...results.map((result) => result.starts));
  console.log(`| ${name} | ${of('first')} | ${of('last')} | ${of('cpu')} | ${starts} |`);
}
const ratioOf = (/** @type {'first' | 'last' | 'cpu'} */ key) =>
  (median(many.map((result) => result[key])) / median(one.map((result) => result[key]))).toFixed(2);
console.log(`\nRatio: ${ratioOf('first')} (first), ${ratioOf('last')} (last), ${ratioOf('cpu')} (CPU)`);
const part = (/** @type {'alone' | 'beside' | 'large'} */ key) =>
  median(besides.map((result) => result[key])).toFixed(1);
if (small !== 0)
  console.log(
    `${small} photos: ${part('alone')} s alone, ${part('beside')} s beside a stage of ${photos} that takes ${part('large')} s`,
  );

await Promise.all([events.close(), queue.close()]);
await worker.stop();
await redis.stop();
await rm(directory, { recursive: true, force: true });
