import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { createBoundedSource } from '../../gallery/source/bounded-source.js';
import { openPhotoSource } from '../../gallery/source/photo-source.js';
import { createIndexPlanner } from '../../gallery/batches/index-planner.js';
import { createIndexPlans } from '../../gallery/batches/index-plans.js';
import { createBadPhotos } from '../../gallery/store/bad-photos.js';
import { findUnindexed } from '../../gallery/batches/find-unindexed.js';
import { findModelPack, packKey } from '../../shared/model-pack.js';
import { createFileTable } from '../../gallery/store/file-table.js';
import { createStageIndex } from '../../gallery/store/stage-index.js';
import { forget } from '../../gallery/store/forget.js';
import type { Config } from '../../shared/config.js';
import { GalleryUnavailableError, messageOf } from '../../shared/errors.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import type { Gallery, GalleryDetails, GalleryForgotten, IndexStarted } from '../api/api.js';
import { ApiError, notFound } from '../api/api-error.js';
import { createGalleryDetails } from './gallery-details.js';
import { remember } from './share-scan.js';

/** Walking many folders and counting many keys is too slow for each request. */
const FRESH_PHOTOS_MS = 10_000;
const FRESH_INDEX_MS = 2000;

export interface DashboardGalleries {
  list(): Promise<Gallery[]>;
  /** @throws {ApiError} `NOT_FOUND` */
  describe(stage: string): Promise<GalleryDetails>;
  /**
   * Queues the new photos of a stage for indexing, without a search.
   *
   * @throws {ApiError} `NO_GALLERY_DIR`, `NO_MODELS`
   * @throws {JobError} `GALLERY_NOT_FOUND`
   */
  index(stage: string): Promise<IndexStarted>;
  forget(stage: string): Promise<GalleryForgotten>;
}

/** The stages on this machine, and those in the index of the fleet. */
export function createDashboardGalleries(
  redis: Redis,
  indexQueue: Queue,
  config: Config,
): DashboardGalleries {
  const { dir, s3, ignoredFolders, retentionS } = config.gallery;
  const source = dir === null ? null : createBoundedSource(openPhotoSource(dir, s3, ignoredFolders));
  const photosSeen = remember(Math.max(FRESH_PHOTOS_MS, source?.listingIntervalMs ?? 0), async () =>
    source === null ? new Map<string, number>() : unlessUnavailable(source.countByFolder(() => undefined)),
  );
  const photosIndexed = remember(FRESH_INDEX_MS, createStageIndex(redis, retentionS).countPhotos);

  const details = createGalleryDetails(redis, indexQueue, config.engine.galleryUpright);

  const list = async (): Promise<Gallery[]> => {
    const photos = sumByStage(await photosSeen.get());
    const indexed = sumByStage(await photosIndexed.get());
    const stages = new Set([...photos.keys(), ...indexed.keys()]);
    return [...stages].toSorted().map((stage) => ({
      stage,
      photos: dir === null ? null : (photos.get(stage) ?? 0),
      indexed: indexed.get(stage) ?? 0,
    }));
  };

  return {
    list,
    describe: async (stage) => {
      const gallery = (await list()).find((one) => one.stage === stage);
      if (gallery === undefined) throw notFound('There is no gallery with this name.');
      const listFolders = async (): Promise<string[]> => {
        photosIndexed.forget();
        const folders = [...(await photosIndexed.get()).keys()];
        return folders.filter((folder) => folder === stage || folder.startsWith(`${stage}/`));
      };
      const { modelPack, modelsDir } = config.engine;
      const pack = await findModelPack(modelPack, modelsDir).catch(() => null);
      return { ...gallery, ...(await details.read(stage, listFolders, pack)) };
    },
    index: async (stage) => {
      if (source === null)
        throw new ApiError(
          409,
          'NO_GALLERY_DIR',
          'This machine has no GALLERY_DIR; index on a machine that has one.',
        );
      const listed = await unlessUnavailable(source.list(stage, () => undefined));
      const pack = await findModelPack(config.engine.modelPack, config.engine.modelsDir).catch(
        (error: unknown) => {
          throw new ApiError(
            409,
            'NO_MODELS',
            `Indexing needs the model files on this machine. ${messageOf(error)}`,
          );
        },
      );
      const key = packKey(pack, config.engine.galleryUpright);
      const unindexed = await findUnindexed(listed, {
        redis,
        packKey: key,
        files: createFileTable(redis, retentionS),
      });
      const planner = createIndexPlanner({
        indexQueue,
        plans: createIndexPlans(redis, indexQueue, key),
        badPhotos: createBadPhotos(redis),
      });
      const { photos, batches } = await planner.start(withoutTrailingSlashes(stage), unindexed);
      details.forget();
      return { stage, photos, batches };
    },
    forget: async (stage) => {
      const forgotten = await forget(redis, { kind: 'path', path: withoutTrailingSlashes(stage) });
      photosIndexed.forget();
      details.forget();
      if (forgotten.photos === 0 && forgotten.folders === 0)
        throw notFound('Nothing of this stage is indexed.');
      return { stage, ...forgotten };
    },
  };
}

/** @throws {ApiError} `NO_GALLERY_DIR` instead of a GalleryUnavailableError */
async function unlessUnavailable<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (error) {
    if (!(error instanceof GalleryUnavailableError)) throw error;
    throw new ApiError(409, 'NO_GALLERY_DIR', `${error.message}.`);
  }
}

/** A photo in `a/b/c` counts for the stages `a`, `a/b` and `a/b/c`. */
function sumByStage(photosByFolder: ReadonlyMap<string, number>): ReadonlyMap<string, number> {
  const sums = new Map<string, number>();
  for (const [folder, photos] of photosByFolder) {
    for (let end = folder.indexOf('/'); end !== -1; end = folder.indexOf('/', end + 1)) {
      const stage = folder.slice(0, end);
      sums.set(stage, (sums.get(stage) ?? 0) + photos);
    }
    // No stage has the photos of the root.
    if (folder !== '') sums.set(folder, (sums.get(folder) ?? 0) + photos);
  }
  return sums;
}
