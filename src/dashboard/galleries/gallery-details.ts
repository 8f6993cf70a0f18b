import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { createIndexPlans } from '../../gallery/batches/index-plans.js';
import { estimateGalleryBytes } from '../../gallery/cache/folder-faces.js';
import { createBadPhotos } from '../../gallery/store/bad-photos.js';
import { summarizeIndex } from '../../gallery/store/summarize-index.js';
import { type ModelPack, packKey } from '../../shared/model-pack.js';
import type { GalleryDetails } from '../api/api.js';

/** Summaries that are kept: those of the stages that someone has open. */
const MAX_KEPT = 20;
/** A summary reads every photo's record in Redis. */
const FRESH_MS = 15_000;
/** Broken photos that are named; the others are counted. */
const MAX_NAMED = 100;

type IndexDetails = Omit<GalleryDetails, 'stage' | 'photos' | 'indexed'>;

interface Kept {
  readonly untilMs: number;
  readonly value: Promise<IndexDetails>;
}

/** What the index holds of a stage. Reads one stage at a time, and each at most every 15 seconds. */
export interface GalleryDetailsReader {
  /** @param listFolders the indexed folders of the stage */
  read(
    stage: string,
    listFolders: () => Promise<readonly string[]>,
    pack: ModelPack | null,
  ): Promise<IndexDetails>;
  /** The next reads are new. */
  forget(): void;
}

export function createGalleryDetails(
  redis: Redis,
  indexQueue: Queue,
  galleryUpright: boolean,
): GalleryDetailsReader {
  const kept = new Map<string, Kept>();
  let last: Promise<unknown> = Promise.resolve();

  const readIndex = async (stage: string, folders: readonly string[], pack: ModelPack) => {
    const key = packKey(pack, galleryUpright);
    const [{ photos, faces, withoutFaces, broken, brokenPhotos, bytes }, plan] = await Promise.all([
      summarizeIndex(redis, key, folders),
      createIndexPlans(redis, indexQueue, key).join(stage),
    ]);
    const index = {
      photos,
      faces,
      without_faces: withoutFaces,
      redis_bytes: bytes,
      memory_bytes: estimateGalleryBytes(photos, faces, pack.embedder.embeddingSize),
    };
    return { index, plan, broken, brokenPhotos };
  };

  const read = async (
    stage: string,
    folders: readonly string[],
    pack: ModelPack | null,
  ): Promise<IndexDetails> => {
    const of = pack === null ? null : await readIndex(stage, folders, pack);
    const failing = (await createBadPhotos(redis).list())
      .filter(({ path }) => path.startsWith(`${stage}/`))
      .map(({ path, reason, failures, retryAtMs }) => ({
        path,
        reason,
        failures,
        retry_at: retryAtMs / 1000,
      }));
    const broken = (of?.brokenPhotos ?? []).map((photo) => ({ ...photo, failures: 1, retry_at: null }));
    return {
      model_pack: pack?.name ?? null,
      index: of?.index ?? null,
      broken: failing.length + (of?.broken ?? 0),
      broken_photos: [...failing, ...broken].slice(0, MAX_NAMED),
      indexing: of === null || of.plan === null ? null : { photos: of.plan.photos, done: of.plan.donePhotos },
    };
  };

  return {
    read: (stage, listFolders, pack) => {
      const known = kept.get(stage);
      if (known !== undefined && performance.now() < known.untilMs) return known.value;
      const value = last.then(async () => read(stage, await listFolders(), pack));
      last = value.catch(() => undefined);
      kept.delete(stage);
      kept.set(stage, { untilMs: performance.now() + FRESH_MS, value });
      value.catch(() => kept.delete(stage));
      const [oldest] = kept.keys();
      if (kept.size > MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      return value;
    },
    forget: () => kept.clear(),
  };
}
