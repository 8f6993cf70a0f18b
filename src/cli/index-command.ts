import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError } from 'commander';
import { Queue } from 'bullmq';
import { createIndexPlanner } from '../gallery/batches/index-planner.js';
import { createIndexPlans } from '../gallery/batches/index-plans.js';
import { createBadPhotos } from '../gallery/store/bad-photos.js';
import { createGalleryCache, type GalleryCache } from '../gallery/cache/gallery-cache.js';
import { findModelPack, type ModelPack, packKey } from '../shared/model-pack.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import { openPhotoSource } from '../gallery/source/photo-source.js';
import type { IndexBatch } from '../shared/index-batch.js';
import { indexQueueName } from '../shared/index-batch.js';
import { type Connection, connect, warnWithoutWorkers } from './connect.js';
import { stageBelow } from './stage-below.js';
import { count, createProgressBar, printable } from './terminal.js';

const POLL_INTERVAL_MS = 250;
/** Without any progress for this long, the command gives up; the photos stay in the queue. */
const MAX_IDLE_S = 600;

/** Queues all photos of a stage that are not indexed yet, and shows the progress. */
export async function indexCommand(
  wanted: string,
  { pack: wantedPack }: { readonly pack?: string },
): Promise<void> {
  const connection = await connect();
  const galleryDir = connection.config.gallery.dir;
  if (galleryDir === null)
    throw new InvalidArgumentError('Set GALLERY_DIR to the same folder as on the workers.');
  const stage = stageBelow(galleryDir, wanted);

  const { modelPack, modelsDir } = connection.config.engine;
  const pack = await findModelPack(wantedPack ?? modelPack, modelsDir);
  const cache = openGalleryCache(connection, pack, galleryDir);
  const before = await cache.scan(stage);
  if (before.batches.length > 0) await warnWithoutWorkers(connection.redis, pack.name);
  const startedAt = performance.now();
  await indexPhotos(connection, stage, pack, before.batches);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await cache.scan(stage);

  const indexed = Math.max(0, pathsOf(before.batches).length - pathsOf(after.batches).length);
  const rate = indexed === 0 ? '' : `, ${(indexed / seconds).toFixed(1)} photos/s`;
  process.stdout.write(
    `${printable(stage)}: ${count(after.photos, 'photo')} with ${count(after.faces, 'face')} (${after.belowQuality} below the quality limits); ${indexed} indexed now${rate}\n`,
  );
  for (const line of after.skipped) process.stdout.write(`${printable(line)}\n`);
  const missing = pathsOf(after.batches);
  for (const photo of missing) process.stdout.write(`Not indexed: ${printable(photo)}\n`);
  if (missing.length > 0)
    throw new Error(`${count(missing.length, 'photo')} could not be indexed; the workers' logs say why.`);
}

function pathsOf(batches: readonly IndexBatch[]): string[] {
  return batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));
}

function openGalleryCache({ config, redis }: Connection, pack: ModelPack, dir: string): GalleryCache {
  const { embeddingSize } = pack.embedder;
  return createGalleryCache({
    source: openPhotoSource(dir, config.gallery.s3),
    stores: {
      embeddings: createEmbeddingStore({
        redis,
        pack: { key: packKey(pack, config.engine.galleryUpright), embeddingSize },
        retentionS: config.gallery.retentionS,
      }),
      files: createFileTable(redis, config.gallery.retentionS),
      badPhotos: createBadPhotos(redis),
    },
    embeddingSize,
    settings: config.gallery,
    excludedMinCosine: 1,
    warn: (line) => process.stderr.write(`${line}\n`),
  });
}

/** Queues photos for indexing, and resolves when the plan of the stage is done. */
async function indexPhotos(
  { config, redis }: Connection,
  stage: string,
  pack: ModelPack,
  unindexed: readonly IndexBatch[],
): Promise<void> {
  const name = indexQueueName(config.queue.name);
  const indexQueue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
  const plans = createIndexPlans(redis, indexQueue, packKey(pack, config.engine.galleryUpright));
  const planner = createIndexPlanner({ indexQueue, plans, badPhotos: createBadPhotos(redis) });
  const { bad, photos } = await planner.start(stage, unindexed);
  for (const { path: photo, reason, retryAtMs } of bad) {
    process.stdout.write(
      `Left out ${printable(photo)} until ${new Date(retryAtMs).toISOString()}: ${printable(reason)}\n`,
    );
  }
  if (photos === 0) return;

  const show = createProgressBar();
  for (;;) {
    const plan = await plans.join(stage);
    if (plan === null) break;
    show(plan.donePhotos / Math.max(1, plan.photos), `${plan.donePhotos} of ${count(plan.photos, 'photo')}`);
    if (plan.idleS > MAX_IDLE_S) {
      throw new Error(`No batch has ended for ${MAX_IDLE_S / 60} minutes: is a worker online?`);
    }
    await sleep(POLL_INTERVAL_MS);
  }
  show(1, `${photos} of ${count(photos, 'photo')}`);
}
