import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from 'bullmq';
import { createIndexPlanner } from '../gallery/batches/index-planner.js';
import { createIndexPlans } from '../gallery/batches/index-plans.js';
import { createGalleryCache } from '../gallery/cache/gallery-cache.js';
import type { ScannedGallery } from '../gallery/cache/stage-gallery.js';
import type { PhotoSource } from '../gallery/source/photo-source.js';
import { createBadPhotos } from '../gallery/store/bad-photos.js';
import { createEmbeddingStore } from '../gallery/store/embedding-store.js';
import { createFileTable } from '../gallery/store/file-table.js';
import { type IndexBatch, indexQueueName } from '../shared/index-batch.js';
import { type ModelPack, packKey } from '../shared/model-pack.js';
import type { Connection } from './connect.js';
import { count, createProgressBar } from './terminal.js';

const POLL_INTERVAL_MS = 250;
/** Without any progress for this long, nobody computes; the photos stay in the queue. */
const MAX_IDLE_S = 600;

/** No worker computes the faces. */
export class IndexStalledError extends Error {
  override readonly name = 'IndexStalledError';
}

export interface StageIndexer {
  /** What the stage holds now. */
  scan(stage: string): Promise<ScannedGallery>;
  /**
   * Queues photos for indexing, shows the progress, and resolves when the plan of the stage is done or the signal aborts.
   *
   * @throws {IndexStalledError}
   */
  index(stage: string, unindexed: readonly IndexBatch[], signal?: AbortSignal): Promise<void>;
}

export function createStageIndexer(
  { config, redis }: Connection,
  source: PhotoSource,
  pack: ModelPack,
): StageIndexer {
  const { embeddingSize } = pack.embedder;
  const key = packKey(pack, config.engine.galleryUpright);
  const badPhotos = createBadPhotos(redis);
  const cache = createGalleryCache({
    source,
    stores: {
      embeddings: createEmbeddingStore({
        redis,
        pack: { key, embeddingSize },
        retentionS: config.gallery.retentionS,
      }),
      files: createFileTable(redis, config.gallery.retentionS),
      badPhotos,
    },
    embeddingSize,
    settings: config.gallery,
    excludedMinCosine: 1,
    scansInBackground: false,
    warn: (line) => process.stderr.write(`${line}\n`),
  });
  const name = indexQueueName(config.queue.name);
  const indexQueue = new Queue(name, { connection: redis, prefix: config.queue.prefix });
  const plans = createIndexPlans(redis, indexQueue, key);
  const planner = createIndexPlanner({ indexQueue, plans, badPhotos });

  return {
    scan: cache.scan,
    index: async (stage, unindexed, signal) => {
      const { photos } = await planner.start(stage, unindexed);
      if (photos === 0) return;
      const show = createProgressBar();
      for (;;) {
        if (signal?.aborted === true) return;
        const plan = await plans.join(stage);
        if (plan === null) {
          show(1, `${photos} of ${count(photos, 'photo')}`);
          return;
        }
        show(
          plan.donePhotos / Math.max(1, plan.photos),
          `${plan.donePhotos} of ${count(plan.photos, 'photo')}`,
        );
        if (plan.idleS > MAX_IDLE_S) {
          throw new IndexStalledError(
            `No batch has ended for ${MAX_IDLE_S / 60} minutes: is a worker online?`,
          );
        }
        await sleep(POLL_INTERVAL_MS);
      }
    },
  };
}
