import type { Redis } from 'ioredis';
import { createGalleryCache } from '../../src/gallery/cache/gallery-cache.js';
import type { GalleryService } from '../../src/child/gallery-thread/start-gallery-thread.js';
import type { Engine } from '../../src/child/engine/engine.js';
import { createBadPhotos } from '../../src/gallery/store/bad-photos.js';
import { createEmbeddingStore } from '../../src/gallery/store/embedding-store.js';
import { openPhotoSource } from '../../src/gallery/source/photo-source.js';
import { createFileTable } from '../../src/gallery/store/file-table.js';
import type { Config } from '../../src/shared/config.js';

/** The galleries of a configuration in this thread; `null` where it names no folder. */
export function startGalleriesHere(config: Config, { pack }: Engine, redis: Redis): GalleryService | null {
  const { dir, retentionS } = config.gallery;
  if (dir === null) return null;
  const cache = createGalleryCache({
    source: openPhotoSource(dir, config.gallery.s3),
    stores: {
      embeddings: createEmbeddingStore({ redis, pack, retentionS }),
      files: createFileTable(redis, retentionS),
      badPhotos: createBadPhotos(redis),
    },
    embeddingSize: pack.embeddingSize,
    settings: config.gallery,
    excludedMinCosine: config.jobs.threshold,
    warn: () => {},
  });
  return {
    search: cache.search,
    findExcluded: cache.findExcluded,
    problem: () => null,
    report: () => {},
    onProblem: () => {},
    died: new Promise(() => {}),
    stop: async () => {},
  };
}
