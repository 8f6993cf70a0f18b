import { workerData } from 'node:worker_threads';
import { createGalleryCache } from '../../gallery/cache/gallery-cache.js';
import { openPhotoSource } from '../../gallery/source/photo-source.js';
import { createBadPhotos } from '../../gallery/store/bad-photos.js';
import { createEmbeddingStore } from '../../gallery/store/embedding-store.js';
import { createFileTable } from '../../gallery/store/file-table.js';
import { createForgottenLog } from '../../gallery/store/forgotten-log.js';
import { createLogger } from '../../shared/logger.js';
import { duplicateRedis } from '../../shared/open-redis.js';
import { createRedis } from '../../shared/redis-connection.js';
import { FORGOTTEN_CHANNEL } from '../../shared/redis-keys.js';
import { serveThread } from '../threads/serve-thread.js';
import type { GalleryCalls, GalleryThreadData } from './start-gallery-thread.js';

const data = workerData as GalleryThreadData;
const { settings, pack } = data;

/** Holds and searches the galleries, so that the child's main thread never waits for a folder or a search. */
await serveThread<GalleryCalls>(async () => {
  const logger = createLogger('galleries', data.logLevel).child({ worker: data.workerId });
  const redis = createRedis(data.redis, logger, { connectionName: `${data.workerId} galleries` });
  const cache = createGalleryCache({
    source: openPhotoSource(settings.dir, settings.s3, settings.ignoredFolders),
    stores: {
      embeddings: createEmbeddingStore({ redis, pack, retentionS: settings.retentionS }),
      files: createFileTable(redis, settings.retentionS),
      badPhotos: createBadPhotos(redis),
    },
    embeddingSize: pack.embeddingSize,
    settings,
    excludedMinCosine: data.excludedMinCosine,
    warn: (line) => logger.warn(line),
  });

  const subscriber = duplicateRedis(redis, `${data.workerId} invalidation`);
  const log = createForgottenLog(redis);
  const invalidate = (): void => {
    log
      .readNew()
      .then((forgettings) => forgettings.forEach(cache.invalidate))
      .catch((error: unknown) => {
        logger.error({ err: error }, 'Cannot read what was forgotten; dropping all galleries from memory');
        cache.invalidate({ kind: 'all' });
      });
  };
  subscriber.on('message', invalidate);
  // Messages are lost while disconnected. The log is not.
  subscriber.on('ready', invalidate);
  subscriber.subscribe(FORGOTTEN_CHANNEL).catch((error: unknown) => {
    logger.error({ err: error }, 'Cannot subscribe to invalidations; deleted faces stay in memory');
  });

  return {
    answers: { search: cache.search, findExcluded: cache.findExcluded, check: cache.check },
    // Ends this thread, not the process. Closing connections to an unreachable Redis could take long.
    close: async () => process.exit(),
  };
});
