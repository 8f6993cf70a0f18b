import { workerData } from 'node:worker_threads';
import { createLogger } from '../../shared/logger.js';
import { createRedis } from '../../shared/redis-connection.js';
import { FORGOTTEN_CHANNEL } from '../../shared/redis-keys.js';
import { createEmbeddingStore } from '../../gallery/store/embedding-store.js';
import { createFileTable } from '../../gallery/store/file-table.js';
import { serveThread } from '../threads/serve-thread.js';
import { createGalleries } from '../../gallery/cache/gallery-cache.js';
import type { GalleryCalls, GalleryThreadData } from './gallery-calls.js';

const data = workerData as GalleryThreadData;
const { settings, pack } = data;

/** Keeps the galleries and searches them, so that the child's main thread never waits for a folder or a scan. */
await serveThread<GalleryCalls>(async () => {
  const logger = createLogger('galleries', data.logLevel).child({ worker: data.workerId });
  const redis = createRedis(data.redis, logger, { connectionName: `${data.workerId} galleries` });
  const galleries = createGalleries({
    stores: {
      embeddings: createEmbeddingStore({ redis, pack, retentionS: settings.retentionS }),
      files: createFileTable(redis, settings.retentionS),
    },
    embeddingSize: pack.embeddingSize,
    settings,
    excludedMinCosine: data.excludedMinCosine,
  });

  const subscriber = redis.duplicate({ connectionName: `${data.workerId} forgetting` });
  // The connection that it was made from tells when Redis goes and comes.
  subscriber.on('error', () => {});
  subscriber.on('message', () => galleries.forget());
  // What was forgotten while nobody heard of it is forgotten now.
  subscriber.on('ready', () => galleries.forget());
  subscriber.subscribe(FORGOTTEN_CHANNEL).catch((error: unknown) => {
    logger.error({ err: error }, 'Cannot hear what is to be forgotten');
  });

  return {
    answers: { open: galleries.open, search: galleries.search },
    // Ends the thread, not the process. Connections to a Redis that is away or frozen take their time to end, and
    // would keep it.
    close: async () => process.exit(),
  };
});
