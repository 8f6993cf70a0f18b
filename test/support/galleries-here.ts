import type { Redis } from 'ioredis';
import { createGalleries } from '../../src/child/index/galleries.js';
import type { GalleryService } from '../../src/child/index/start-galleries.js';
import type { Engine } from '../../src/child/inference/engine.js';
import { createEmbeddingStore } from '../../src/child/store/embedding-store.js';
import { createFileTable } from '../../src/child/store/file-table.js';
import type { Config } from '../../src/shared/config.js';

/** The galleries of a configuration in this thread; `null` where it names no folder. */
export function startGalleriesHere(config: Config, { pack }: Engine, redis: Redis): GalleryService | null {
  const { dir, retentionS } = config.gallery;
  if (dir === null) return null;
  const galleries = createGalleries({
    stores: {
      embeddings: createEmbeddingStore({ redis, pack, retentionS }),
      files: createFileTable(redis, retentionS),
    },
    embeddingSize: pack.embeddingSize,
    settings: { ...config.gallery, dir },
    excludedMinCosine: config.jobs.threshold,
  });
  return { ...galleries, died: new Promise(() => {}), stop: async () => {} };
}
