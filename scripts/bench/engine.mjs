import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { createDispatcher } from '../../dist/child/engine/dispatcher.js';
import { findModelPack } from '../../dist/shared/model-pack.js';
import { imagesInFlight } from '../../dist/child/engine/thread-count.js';
import { startThread } from '../../dist/child/threads/start-thread.js';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { measureShare } from './engine-share.mjs';
import { cameraPhoto } from './camera-photo.mjs';

const HELP = `Measures the face engine on this machine's CPU.

  npm run bench:engine -- --photos FOLDER --models FOLDER [--pack mobilefacenet] [--rounds 7] [--count 24] [--share]

  --photos  folder of photos to analyze; eight are also enlarged to 24 megapixels, with the noise of a camera (this takes
            a minute)
  --models  folder of the models
  --count   photos per round
  --share   only the comparison with the kernels`;

const ENGINE_THREAD = new URL('../../dist/child/engine/engine-thread.js', import.meta.url);

const { values } = parseArgs({
  options: {
    photos: { type: 'string' },
    models: { type: 'string', default: 'models' },
    pack: { type: 'string', default: 'mobilefacenet' },
    rounds: { type: 'string', default: '7' },
    count: { type: 'string', default: '24' },
    share: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help || values.photos === undefined) {
  console.log(HELP);
  process.exit(values.help ? 0 : 2);
}

const pack = await findModelPack(values.pack, path.resolve(values.models));
const photos = await readPhotos(path.resolve(values.photos), Number(values.count));
console.log(
  `${describeMachine()}; pack ${pack.name}, ${photos.length} photos a round, ${values.rounds} rounds\n`,
);
if (!values.share) await measureThreads();
await measureKernels();

/** Throughput by number of engine threads and of threads per session. Each combination runs once per round. */
async function measureThreads() {
  const cores = availableParallelism();
  const ways = [
    [1, 1],
    [1, cores],
    [cores, 1],
    [cores, 2],
    [cores + 1, 1],
  ].map(([threads = 1, intraOpThreads = 1]) => ({ threads, intraOpThreads }));
  const engines = await Promise.all(ways.map(startEngine));
  const rates = ways.map(() => /** @type {number[]} */ ([]));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  for (let round = -1; round < Number(values.rounds); round += 1) {
    for (const [way, engine] of engines.entries()) {
      const startedAt = performance.now();
      await engine.analyzeAll();
      const rate = (1000 * photos.length) / (performance.now() - startedAt);
      if (round >= 0) rates[way]?.push(rate);
    }
  }
  delay.disable();
  await Promise.all(engines.map((engine) => engine.stop()));

  const base = median(rates[0] ?? []);
  const rows = ways.map(({ threads, intraOpThreads }, way) => {
    const own = rates[way] ?? [];
    return [
      `${threads} x ${intraOpThreads}`,
      median(own).toFixed(1),
      `${Math.min(...own).toFixed(1)} to ${Math.max(...own).toFixed(1)}`,
      (median(own) / base).toFixed(2),
    ];
  });
  console.log(formatTable([['threads x intra-op', 'photos/s', 'spread', 'to 1 x 1'], ...rows]));
  console.log(
    `\nDelay of the main thread's event loop: longest ${(delay.max / 1e6).toFixed(1)} ms, 99 % under ${(delay.percentile(99) / 1e6).toFixed(1)} ms\n`,
  );
}

/** @param {{ threads: number, intraOpThreads: number }} way */
async function startEngine({ threads, intraOpThreads }) {
  const data = {
    pack,
    provider: 'cpu',
    probe: false,
    intraOpThreads,
    maxImageBytes: 1e9,
    maxImagePixels: 1e9,
  };
  const started = /** @type {import('../../dist/child/engine/engine-calls.js').EngineThread[]} */ (
    /** @type {unknown} */ (
      await Promise.all(
        Array.from({ length: threads }, () => startThread('An engine thread', ENGINE_THREAD, data)),
      )
    )
  );
  const dispatcher = createDispatcher(started, imagesInFlight('cpu'));
  return {
    analyzeAll: async () => {
      const remaining = photos.values();
      const lane = async () => {
        for (const text of remaining) {
          await dispatcher.submit((thread) => thread.call('analyze', { kind: 'base64', text }), {
            signal: undefined,
            urgent: false,
          });
        }
      };
      await Promise.all(Array.from({ length: threads * imagesInFlight('cpu') }, lane));
    },
    stop: () => Promise.all(started.map((thread) => thread.stop())),
  };
}

/** The share of its time that the engine spends in its kernels, for small photos and for those of a camera. */
async function measureKernels() {
  const small = photos.slice(0, 16).map((text) => Buffer.from(text, 'base64'));
  const large = await Promise.all(small.slice(0, 8).map(cameraPhoto));
  const megabytes = large.reduce((sum, { length }) => sum + length, 0) / large.length / 1e6;
  const kinds = [
    { name: 'as they are', photos: small },
    { name: `24 megapixels, ${megabytes.toFixed(1)} MB`, photos: large },
  ];
  await measureShare(kinds, pack, Number(values.rounds));
}

/** Photos spread evenly over a folder, repeated if it has fewer. @param {string} folder @param {number} count */
async function readPhotos(folder, count) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  const all = entries
    .filter((entry) => entry.isFile() && /\.(jpe?g|png|webp)$/i.test(entry.name))
    .map((entry) => path.join(entry.parentPath, entry.name))
    .toSorted();
  if (all.length === 0) throw new Error(`There are no photos in ${folder}`);
  const step = Math.max(1, Math.floor(all.length / count));
  const files = all.filter((_, i) => i % step === 0).slice(0, count);
  const texts = await Promise.all(files.map(async (file) => (await readFile(file)).toString('base64')));
  return Array.from({ length: count }, (_, i) => texts[i % texts.length] ?? '');
}
