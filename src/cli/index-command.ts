import path from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { createIndexPlanner } from '../gallery/batches/index-planner.js';
import { createIndexPlans } from '../gallery/batches/index-plans.js';
import { createBadPhotos } from '../gallery/store/bad-photos.js';
import { createGalleryCache, type GalleryCache } from '../gallery/cache/gallery-cache.js';
import { findModelPack, type ModelPack, packKey } from '../shared/model-pack.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import type { IndexBatch } from '../shared/index-batch.js';
import { indexQueueName } from '../shared/index-batch.js';
import { type Connection, connect } from './connect.js';
import { warnWithoutWorkers } from './warn-without-workers.js';
import { createProgressBar } from './progress-bar.js';
import { UsageError } from './usage-error.js';

const POLL_INTERVAL_MS = 250;
/** Without any progress for this long, the command gives up; the photos stay in the queue. */
const MAX_IDLE_S = 600;

/** Has all photos of a stage indexed by the fleet, and shows the progress. */
export async function indexCommand(args: string[]): Promise<void> {
  const { positionals } = parseArgs({ args, allowPositionals: true });
  const [wanted, ...others] = positionals;
  if (wanted === undefined || others.length > 0)
    throw new UsageError('Say which folder below GALLERY_DIR to index.');
  const connection = await connect();
  const galleryDir = connection.config.gallery.dir;
  if (galleryDir === null) throw new UsageError('Set GALLERY_DIR, as on the workers.');
  const stage = stageOf(wanted, galleryDir);

  const pack = await findModelPack(connection.config.engine.modelPack, connection.config.engine.modelsDir);
  const cache = openGalleryCache(connection, pack, galleryDir);
  const before = await cache.scan(stage);
  if (before.batches.length > 0) await warnWithoutWorkers(connection.redis);
  const startedAt = performance.now();
  await indexPhotos(connection, stage, pack, before.batches);
  const seconds = (performance.now() - startedAt) / 1000;
  const after = await cache.scan(stage);

  const indexed = Math.max(0, pathsOf(before.batches).length - pathsOf(after.batches).length);
  const rate = indexed === 0 ? '' : `, ${(indexed / seconds).toFixed(1)} photos/s`;
  process.stdout.write(
    `${stage}: ${after.photos} photos with ${after.faces} faces (${after.belowQuality} below the quality limits); ${indexed} indexed now${rate}\n`,
  );
  for (const line of after.skipped) process.stdout.write(`${line}\n`);
  const missing = pathsOf(after.batches);
  for (const photo of missing) process.stdout.write(`Not indexed: ${photo}\n`);
  if (missing.length > 0)
    throw new Error(`${missing.length} photos could not be indexed; see the workers' logs.`);
}

function pathsOf(batches: readonly IndexBatch[]): string[] {
  return batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));
}

/** A stage, or a folder of this machine that is one. */
function stageOf(wanted: string, galleryDir: string): string {
  const relative = path.relative(galleryDir, path.resolve(wanted));
  const isBelow = relative !== '' && !relative.startsWith('..') && !path.isAbsolute(relative);
  return path.isAbsolute(wanted) && isBelow ? relative.replaceAll(path.sep, '/') : wanted.replace(/\/+$/, '');
}

function openGalleryCache({ config, redis }: Connection, pack: ModelPack, dir: string): GalleryCache {
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

/** Has photos indexed, and resolves when the stage's plan is done. */
async function indexPhotos(
  { config, redis }: Connection,
  stage: string,
  pack: ModelPack,
  unindexed: readonly IndexBatch[],
): Promise<void> {
  const name = indexQueueName(config.queue.name);
  const indexQueue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
  const plans = createIndexPlans(redis, indexQueue, packKey(pack));
  const planner = createIndexPlanner({ indexQueue, plans, badPhotos: createBadPhotos(redis) });
  const { bad, photos } = await planner.start(stage, unindexed);
  for (const { path: photo, reason, retryAtMs } of bad) {
    process.stdout.write(`Left out ${photo} until ${new Date(retryAtMs).toISOString()}: ${reason}\n`);
  }
  if (photos === 0) return;

  const show = createProgressBar();
  for (;;) {
    const plan = await plans.join(stage);
    if (plan === null) break;
    show(plan.donePhotos / Math.max(1, plan.photos), `${plan.donePhotos} of ${plan.photos} photos`);
    if (plan.idleS > MAX_IDLE_S) {
      throw new Error(`No batch has ended for ${MAX_IDLE_S / 60} minutes: is a worker online?`);
    }
    await sleep(POLL_INTERVAL_MS);
  }
  show(1, `${photos} of ${photos} photos`);
}
