import path from 'node:path';
import { parseArgs } from 'node:util';
import { Queue, QueueEvents } from 'bullmq';
import { addBatches } from '../gallery/batches/add-batches.js';
import { createGalleryCache, type GalleryCache } from '../gallery/cache/gallery-cache.js';
import { batchId } from '../gallery/batches/plan-batches.js';
import { findModelPack, packKey } from '../shared/model-pack.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import type { IndexBatch, IndexedBatch } from '../shared/index-batch.js';
import { indexQueueName } from '../shared/index-batch.js';
import { type Connection, connect } from './connect.js';
import { warnWithoutWorkers } from './warn-without-workers.js';
import { createProgressBar } from './progress-bar.js';
import { UsageError } from './usage-error.js';

/** Has all photos of a stage indexed by the fleet, and shows how far that is. */
export async function indexCommand(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [wanted, ...others] = positionals;
  if (wanted === undefined || others.length > 0)
    throw new UsageError('Say which folder below GALLERY_DIR to index.');
  const connection = await connect();
  const galleryDir = connection.config.gallery.dir;
  if (galleryDir === null) throw new UsageError('Set GALLERY_DIR, as on the workers.');
  const stage = stageOf(wanted, galleryDir);

  const cache = await openGalleryCache(connection, galleryDir);
  const before = await cache.scan(stage);
  if (before.batches.length > 0) await warnWithoutWorkers(connection.redis);
  const startedAt = performance.now();
  const indexed = await indexBatches(connection, before.batches);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await cache.scan(stage);

  const rate = indexed === 0 ? '' : `, ${(indexed / seconds).toFixed(1)} photos/s`;
  process.stdout.write(
    `${stage}: ${after.photos} photos with ${after.faces} faces (${after.belowQuality} below the quality limits); ${indexed} indexed now${rate}\n`,
  );
  for (const line of after.skipped) process.stdout.write(`${line}\n`);
  const missing = after.batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));
  for (const photo of missing) process.stdout.write(`Not indexed: ${photo}\n`);
  if (missing.length > 0)
    throw new Error(`${missing.length} photos could not be indexed; see the workers' logs.`);
}

/** A stage, or a folder of this machine that is one. */
function stageOf(wanted: string, galleryDir: string): string {
  const relative = path.relative(galleryDir, path.resolve(wanted));
  const isBelow = relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
  return path.isAbsolute(wanted) && isBelow ? relative.replaceAll(path.sep, '/') : wanted.replace(/\/+$/, '');
}

async function openGalleryCache({ config, redis }: Connection, dir: string): Promise<GalleryCache> {
  const pack = await findModelPack(config.engine.modelPack, config.engine.modelsDir);
  const { embeddingSize } = pack.embedder;
  return createGalleryCache({
    stores: {
      embeddings: createEmbeddingStore({
        redis,
        pack: { key: packKey(pack), embeddingSize },
        retentionS: config.gallery.retentionS,
      }),
      files: createFileTable(redis, config.gallery.retentionS),
    },
    embeddingSize,
    settings: { ...config.gallery, dir },
    excludedMinCosine: 1,
    warn: (line) => process.stderr.write(`${line}\n`),
  });
}

/** @returns how many photos were indexed */
async function indexBatches({ config, redis }: Connection, batches: readonly IndexBatch[]): Promise<number> {
  if (batches.length === 0) return 0;
  const name = indexQueueName(config.queue.name);
  const queue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
  const events = new QueueEvents(name, {
    connection: redis.duplicate({ lazyConnect: false }),
    prefix: config.queue.prefix,
  });
  await events.waitUntilReady();
  const waiting = new Set(batches.map(batchId));
  const total = batches.reduce((sum, { files }) => sum + files.length, 0);
  const show = createProgressBar();
  let [photos, faces] = [0, 0];
  show(0, `0 of ${total} photos`);

  const allEnded = new Promise<void>((resolve) => {
    const end = (jobId: string): void => {
      waiting.delete(jobId);
      show(1 - waiting.size / batches.length, `${photos} of ${total} photos, ${faces} faces`);
      if (waiting.size === 0) resolve();
    };
    events.on('completed', ({ jobId, returnvalue }) => {
      if (!waiting.has(jobId)) return;
      const done = returnvalue as unknown as IndexedBatch;
      photos += done.photos;
      faces += done.faces;
      end(jobId);
    });
    events.on('failed', ({ jobId }) => waiting.has(jobId) && end(jobId));
  });
  await addBatches(queue, batches);
  await allEnded;
  await events.close();
  return photos;
}
