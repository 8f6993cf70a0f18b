import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Queue, QueueEvents, Worker } from 'bullmq';
import { cpuMs, mainThreadCpuMs, residentMb } from '../faults/processes.mjs';
import { describeMachine, formatSpread, formatTable, median } from '../faults/report.mjs';
import { startRedisServer } from '../support/redis-server.mjs';
import { createEngineAlone, startBenchWorker } from './bench-worker.mjs';
import { readJpegs } from './read-jpegs.mjs';

const HELP = `Compares a search of an indexed gallery with what it cannot do without: its selfie and a BullMQ job.

  node scripts/bench/warm-search.mjs --photos FOLDER --models FOLDER [--pack mobilefacenet] [--count 1000]
                                     [--selfies 100] [--burst 200] [--rounds 3] [--searches 0]

  --photos    folder of JPEGs, with subfolders
  --count     photos in the gallery
  --selfies   searches one after the other, each in turns with the engine alone and an empty job
  --burst     searches at the same time, \`rounds\` times
  --searches  more searches, after which the memory of the worker is printed
  --threads   engine threads (default: one per core)`;

const { values } = parseArgs({
  options: {
    photos: { type: 'string' },
    models: { type: 'string', default: 'models' },
    pack: { type: 'string', default: 'mobilefacenet' },
    count: { type: 'string', default: '1000' },
    selfies: { type: 'string', default: '100' },
    burst: { type: 'string', default: '200' },
    rounds: { type: 'string', default: '3' },
    searches: { type: 'string', default: '0' },
    threads: { type: 'string', default: String(availableParallelism()) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.photos === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}
const threads = Number(values.threads);

const directory = await mkdtemp(path.join(tmpdir(), 'warm-search-'));
const photos = await readJpegs(path.resolve(values.photos), Number(values.count));
const stage = path.join(directory, 'gallery', 'Stage');
await mkdir(stage, { recursive: true });
for (const [i, bytes] of photos.entries()) await writeFile(path.join(stage, `IMG_${i}.jpg`), bytes);
const selfies = photos.map((bytes) => bytes.toString('base64'));
/** @param {number} i */
const selfieOf = (i) => selfies[i % selfies.length] ?? '';

const redis = await startRedisServer();
const worker = await startBenchWorker({
  directory,
  redisPort: redis.port,
  models: path.resolve(values.models),
  pack: values.pack,
  gallery: path.join(directory, 'gallery'),
  threads: values.threads,
});
const engine = await createEngineAlone(worker, directory);
const connection = { host: '127.0.0.1', port: redis.port, maxRetriesPerRequest: null };
const searches = await openQueue('face-search');
const empties = await openQueue('empty');
const emptyWorker = new Worker('empty', async () => null, { connection });

/** Milliseconds of a call. @param {() => Promise<unknown>} call */
async function timed(call) {
  const startedMs = performance.now();
  await call();
  return performance.now() - startedMs;
}

/** @param {number} i */
const analyze = (i) => engine.analyze({ kind: 'base64', text: selfieOf(i) }, { selfie: true, urgent: true });
/** @param {number} i */
const search = (i) => searches.run({ image: selfieOf(i), stage: 'Stage', limit: 50 });

/** @type {Record<'selfie' | 'empty' | 'search', number[]>} */
const times = { selfie: [], empty: [], search: [] };
await search(0);
for (let i = 0; i < 20; i += 1) await Promise.all([analyze(i), search(i), empties.run({})]);
for (let i = 0; i < Number(values.selfies); i += 1) {
  times.selfie.push(await timed(() => analyze(i)));
  times.empty.push(await timed(() => empties.run({})));
  times.search.push(await timed(() => search(i)));
}
const floorMs = median(times.selfie) + median(times.empty);
console.log(
  `${describeMachine()}; pack ${values.pack}, ${photos.length} photos, ${threads} engine threads\n\nOne search at a time, milliseconds\n`,
);
console.log(
  formatTable([
    ['', 'median', 'spread'],
    ['selfie, engine alone', median(times.selfie).toFixed(1), formatSpread(times.selfie, 1)],
    ['empty job', median(times.empty).toFixed(1), formatSpread(times.empty, 1)],
    ['search', median(times.search).toFixed(1), formatSpread(times.search, 1)],
    ['search / (selfie + job)', (median(times.search) / floorMs).toFixed(2), ''],
  ]),
);

/** @type {Record<'alone' | 'searches' | 'aloneCpu' | 'searchCpu' | 'mainCpu' | 'allCpu' | 'used', number[]>} */
const bursts = { alone: [], searches: [], aloneCpu: [], searchCpu: [], mainCpu: [], allCpu: [], used: [] };
const burst = Number(values.burst);
const indices = [...Array(burst).keys()];
for (let round = 0; round < Number(values.rounds); round += 1) {
  const alone = await together(process.pid, analyze);
  bursts.alone.push(alone.rate);
  bursts.aloneCpu.push(alone.cpu);
  const queued = await together(worker.pid, search);
  bursts.searches.push(queued.rate);
  bursts.searchCpu.push(queued.cpu);
  bursts.mainCpu.push(queued.mainCpu);
  bursts.allCpu.push(queued.allCpu);
  bursts.used.push(queued.used);
}
const ratios = bursts.searches.map((rate, i) => rate / (bursts.alone[i] ?? NaN));
console.log(`\n${burst} searches at once\n`);
console.log(
  formatTable([
    ['', 'median', 'spread'],
    ['selfies/s, engine alone', median(bursts.alone).toFixed(1), formatSpread(bursts.alone, 1)],
    ['searches/s', median(bursts.searches).toFixed(1), formatSpread(bursts.searches, 1)],
    ['ratio', median(ratios).toFixed(2), formatSpread(ratios, 2)],
    ['CPU ms a selfie, engine alone', median(bursts.aloneCpu).toFixed(1), formatSpread(bursts.aloneCpu, 1)],
    ['CPU ms a search, worker', median(bursts.searchCpu).toFixed(1), formatSpread(bursts.searchCpu, 1)],
    ['of this its main thread', median(bursts.mainCpu).toFixed(1), formatSpread(bursts.mainCpu, 1)],
    [
      'CPU ms a search, with client and Redis',
      median(bursts.allCpu).toFixed(1),
      formatSpread(bursts.allCpu, 1),
    ],
    ['use of the cores, %', median(bursts.used).toFixed(0), formatSpread(bursts.used, 0)],
  ]),
);

const more = Number(values.searches);
console.log(`\nMemory of the worker: ${await residentMb(worker.pid)} MB`);
for (let done = 0; done < more; done += burst) {
  await Promise.all(indices.map((i) => search(done + i)));
  if ((done / burst) % 5 === 4) {
    console.log(`after ${done + burst} more searches: ${await residentMb(worker.pid)} MB`);
  }
}

await engine.stop();
await emptyWorker.close();
await Promise.all([searches.close(), empties.close()]);
await worker.stop();
await redis.stop();
await rm(directory, { recursive: true, force: true });

/**
 * A burst of calls.
 *
 * @param {number} pid process that does the work
 * @param {(i: number) => Promise<unknown>} call
 */
async function together(pid, call) {
  const [beforeMs, mainBeforeMs] = [(await cpuMs(pid)) ?? NaN, (await mainThreadCpuMs(pid)) ?? NaN];
  const allBeforeMs = busyMs();
  const wallMs = await timed(() => Promise.all(indices.map(call)));
  const allMs = busyMs() - allBeforeMs;
  return {
    allCpu: allMs / burst,
    used: (100 * allMs) / (wallMs * availableParallelism()),
    rate: (1000 * burst) / wallMs,
    cpu: (((await cpuMs(pid)) ?? NaN) - beforeMs) / burst,
    mainCpu: (((await mainThreadCpuMs(pid)) ?? NaN) - mainBeforeMs) / burst,
  };
}

/** CPU time (ms) that all processes of this machine have used. */
function busyMs() {
  return cpus().reduce((sum, { times: { user, nice, sys, irq } }) => sum + user + nice + sys + irq, 0);
}

/** @param {string} name */
async function openQueue(name) {
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  for (const emitter of [queue, events]) emitter.setMaxListeners(0);
  await events.waitUntilReady();
  return {
    /** @param {object} data */
    run: async (data) => (await queue.add('job', data)).waitUntilFinished(events),
    close: () => Promise.all([queue.close(), events.close()]),
  };
}
