import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { createGalleryCache } from '../../dist/gallery/cache/gallery-cache.js';
import { openPhotoSource } from '../../dist/gallery/source/photo-source.js';
import { createBadPhotos } from '../../dist/gallery/store/bad-photos.js';
import { createEmbeddingStore } from '../../dist/gallery/store/embedding-store.js';
import { createFileTable } from '../../dist/gallery/store/file-table.js';
import { loadConfig } from '../../dist/shared/config.js';
import { describeMachine, formatTable, median } from '../faults/report.mjs';
import { startRedisServer } from '../support/redis-server.mjs';

const HELP = `Measures searches of a large gallery in one thread: how long the first one and the later ones take, how long the
thread is blocked, and how much memory it uses. The photos are tiny files, each with one random face in Redis.

  node scripts/bench/gallery-scan.mjs [--photos 200000] [--folders 20] [--seconds 20] [--interval 50]

  --folders   1: all photos in one folder
  --interval  milliseconds between searches`;

const EMBEDDING_SIZE = 512;
const AT_A_TIME = 1000;

const { values } = parseArgs({
  options: {
    photos: { type: 'string', default: '200000' },
    folders: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '20' },
    interval: { type: 'string', default: '50' },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}
const [photos, folders, seconds, intervalMs] = [
  values.photos,
  values.folders,
  values.seconds,
  values.interval,
].map(Number);

const directory = await mkdtemp(path.join(tmpdir(), 'gallery-scan-'));
const server = await startRedisServer();
const redis = new Redis(server.port, '127.0.0.1');
const pack = { key: 'bench', embeddingSize: EMBEDDING_SIZE };
const stores = {
  embeddings: createEmbeddingStore({ redis, pack, retentionS: 0 }),
  files: createFileTable(redis, 0),
  badPhotos: createBadPhotos(redis),
};
await writeGallery();

const { gallery } = loadConfig({ GALLERY_DIR: directory }, directory);
const cache = createGalleryCache({
  source: openPhotoSource(directory, gallery.s3),
  stores,
  embeddingSize: EMBEDDING_SIZE,
  settings: gallery,
  excludedMinCosine: 1,
  warn: console.error,
});
const probe = randomEmbedding();
const search = async () => {
  const startedMs = performance.now();
  const { photos: found } = await cache.search({ stage: 'stage', probe, minCosine: 0.9, limit: 10 });
  if (found !== photos) throw new Error(`The search saw ${found} photos`);
  return performance.now() - startedMs;
};

const memoryBefore = process.memoryUsage().rss;
const first = await measure(async () => [await search()]);
const later = await measure(async () => {
  const times = [];
  for (const untilMs = performance.now() + 1000 * (seconds ?? 0); performance.now() < untilMs;) {
    times.push(await search());
    await sleep(intervalMs);
  }
  return times;
});
console.log(
  `${describeMachine()}; ${photos} photos in ${folders} folders, a search every ${intervalMs} ms for ${seconds} s\n`,
);
console.log(
  formatTable([
    ['', 'first search', 'later searches'],
    ...[
      ['median ms', (/** @type {Measured} */ it) => median(it.times)],
      ['longest ms', (/** @type {Measured} */ it) => Math.max(...it.times)],
      ['event loop delay, 99 %, ms', (/** @type {Measured} */ it) => it.delay99],
      ['event loop delay, longest, ms', (/** @type {Measured} */ it) => it.delayMost],
      ['CPU of the thread, %', (/** @type {Measured} */ it) => it.cpuPercent],
    ].map(([name, of]) => [
      /** @type {string} */ (name),
      ...[first, later].map((it) => /** @type {(it: Measured) => number} */ (of)(it).toFixed(1)),
    ]),
  ]),
);
console.log(`\nMemory: ${Math.round((process.memoryUsage().rss - memoryBefore) / 2 ** 20)} MiB more`);

redis.disconnect();
await server.stop();
await rm(directory, { recursive: true });
process.exit();

/** @typedef {{ times: number[], delay99: number, delayMost: number, cpuPercent: number }} Measured */

/**
 * @param {() => Promise<number[]>} run returns milliseconds of each search
 * @returns {Promise<Measured>}
 */
async function measure(run) {
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const [startedMs, before] = [performance.now(), process.cpuUsage()];
  const times = await run();
  const { user, system } = process.cpuUsage(before);
  await sleep(5);
  delay.disable();
  return {
    times,
    delay99: delay.percentile(99) / 1e6,
    delayMost: delay.max / 1e6,
    cpuPercent: (user + system) / 10 / (performance.now() - startedMs),
  };
}

/** Photos on disk, and their faces in Redis as workers write them. */
async function writeGallery() {
  const embedding = Int16Array.from(randomEmbedding(), (component) => Math.round(component * 32_767));
  /** @type {import('../../dist/shared/face.js').Landmarks} */
  const landmarks = [
    { x: 40, y: 40 },
    { x: 60, y: 40 },
    { x: 50, y: 50 },
    { x: 45, y: 60 },
    { x: 55, y: 60 },
  ];
  const face = {
    box: { x: 0, y: 0, width: 100, height: 100 },
    score: 0.9,
    sharpness: 100,
    landmarks,
    embedding,
  };
  const perFolder = Math.ceil((photos ?? 0) / (folders ?? 1));
  for (let number = 0; number < (photos ?? 0); number += AT_A_TIME) {
    const folder = `stage/folder-${Math.floor(number / perFolder)}`;
    await mkdir(path.join(directory, folder), { recursive: true });
    const written = await Promise.all(
      Array.from({ length: AT_A_TIME }, async (_, i) => {
        const name = `IMG_${number + i}.jpg`;
        const file = path.join(directory, folder, name);
        await writeFile(file, 'x');
        const { size, mtimeMs, ctimeMs } = await stat(file);
        const hash = `hash-${number + i}`;
        await stores.embeddings.write(
          new Map([[hash, { kind: 'faces', widthPx: 100, heightPx: 100, faces: [face] }]]),
        );
        const stamp = { name, sizeBytes: size, changedMs: Math.floor(mtimeMs), ctimeMs };
        return { ...stamp, content: { kind: /** @type {const} */ ('content'), hash } };
      }),
    );
    await stores.files.write(folder, written);
  }
}

function randomEmbedding() {
  const components = Float32Array.from({ length: EMBEDDING_SIZE }, () => Math.random() - 0.5);
  const length = Math.hypot(...components);
  return components.map((component) => component / length);
}
