import { InvalidArgumentError } from 'commander';
import { Queue, QueueEvents } from 'bullmq';
import { addBatches } from '../gallery/batches/add-batches.js';
import { createGalleryCache, type GalleryCache } from '../gallery/cache/gallery-cache.js';
import { batchId } from '../gallery/batches/plan-batches.js';
import { findModelPack, packKey } from '../shared/model-pack.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import type { IndexBatch, IndexedBatch } from '../shared/index-batch.js';
import { indexQueueName } from '../shared/index-batch.js';
import { type Connection, connect, warnWithoutWorkers } from './connect.js';
import { stageBelow } from './stage-below.js';
import { count, createProgressBar, printable } from './terminal.js';

/** Queues all photos of a stage that are not indexed yet, and shows the progress. */
export async function indexCommand(wanted: string): Promise<void> {
  const connection = await connect();
  const galleryDir = connection.config.gallery.dir;
  if (galleryDir === null)
    throw new InvalidArgumentError('Set GALLERY_DIR to the same folder as on the workers.');
  const stage = stageBelow(galleryDir, wanted);

  const cache = await openGalleryCache(connection, galleryDir);
  const before = await cache.scan(stage);
  if (before.batches.length > 0) await warnWithoutWorkers(connection.redis);
  const startedAt = performance.now();
  const indexed = await indexBatches(connection, before.batches);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await cache.scan(stage);

  const rate = indexed === 0 ? '' : `, ${(indexed / seconds).toFixed(1)} photos/s`;
  process.stdout.write(
    `${printable(stage)}: ${count(after.photos, 'photo')} with ${count(after.faces, 'face')} (${after.belowQuality} below the quality limits); ${indexed} indexed now${rate}\n`,
  );
  for (const line of after.skipped) process.stdout.write(`${printable(line)}\n`);
  const missing = after.batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));
  for (const photo of missing) process.stdout.write(`Not indexed: ${printable(photo)}\n`);
  if (missing.length > 0)
    throw new Error(`${count(missing.length, 'photo')} could not be indexed; the workers' logs say why.`);
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
  });
}

/** @returns the number of photos that were indexed */
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
  show(0, `0 of ${count(total, 'photo')}`);

  const allEnded = new Promise<void>((resolve) => {
    const end = (jobId: string): void => {
      waiting.delete(jobId);
      show(
        1 - waiting.size / batches.length,
        `${photos} of ${count(total, 'photo')}, ${count(faces, 'face')}`,
      );
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
