import type { Dirent } from 'node:fs';
import { readdir } from 'node:fs/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { type GalleryDirectory, openGalleryDirectory } from '../child/gallery/gallery-directory.js';
import { isPicture, listPictures } from '../child/gallery/list-pictures.js';
import { addBatches } from '../child/index/add-batches.js';
import { findUnindexed } from '../child/index/find-unindexed.js';
import { findModelPack } from '../child/inference/model-files.js';
import { packKey } from '../child/inference/pack-key.js';
import { createFileTable } from '../child/store/file-table.js';
import { forget } from '../child/store/forget.js';
import type { Config } from '../shared/config.js';
import { filesKey } from '../shared/redis-keys.js';
import type { Gallery, GalleryForgotten, IndexStarted } from './api.js';
import { ApiError } from './failures.js';

/** A gallery of many folders is not walked for every look. */
const FRESH_MS = 10_000;

export interface DashboardGalleries {
  list(): Promise<Gallery[]>;
  /**
   * Has what is new in a stage indexed by the fleet, without a search.
   *
   * @throws {ApiError} `NO_GALLERY_DIR`
   * @throws {JobError} `GALLERY_NOT_FOUND`
   */
  index(stage: string): Promise<IndexStarted>;
  forget(stage: string): Promise<GalleryForgotten>;
}

/** The galleries as this machine sees them, and as the fleet knows them. */
export function createDashboardGalleries(
  redis: Redis,
  indexQueue: Queue,
  config: Config,
): DashboardGalleries {
  const { dir, retentionS } = config.gallery;
  let counted: { readonly untilMs: number; readonly photos: Promise<Map<string, number>> } | null = null;

  const countPhotos = async (): Promise<Map<string, number>> => {
    if (dir === null) return new Map();
    if (counted === null || performance.now() >= counted.untilMs) {
      counted = {
        untilMs: performance.now() + FRESH_MS,
        photos: openGalleryDirectory(dir).then(countByFolder),
      };
    }
    return counted.photos.catch((error: unknown) => {
      counted = null;
      throw error;
    });
  };

  return {
    list: async () => {
      const [photos, indexed] = await Promise.all([countPhotos(), countIndexed(redis)]);
      const stages = new Set([...photos.keys(), ...indexed.keys()].flatMap(withParents));
      return [...stages].toSorted().map((stage) => ({
        stage,
        photos: dir === null ? null : sumBelow(photos, stage),
        indexed: sumBelow(indexed, stage),
      }));
    },
    index: async (stage) => {
      if (dir === null)
        throw new ApiError(
          409,
          'NO_GALLERY_DIR',
          'This machine has no GALLERY_DIR; start the index on one that has.',
        );
      const listed = await listPictures(await openGalleryDirectory(dir), stage, () => undefined);
      const pack = await findModelPack(config.engine.modelPack, config.engine.modelsDir);
      const batches = await findUnindexed(listed, {
        redis,
        packKey: packKey(pack),
        files: createFileTable(redis, retentionS),
      });
      await addBatches(indexQueue, batches);
      return {
        stage,
        photos: batches.reduce((sum, { files }) => sum + files.length, 0),
        batches: batches.length,
      };
    },
    forget: async (stage) => ({
      stage,
      ...(await forget(redis, { kind: 'path', path: stage.replace(/\/+$/, '') })),
    }),
  };
}

/** Pictures that lie directly in each folder. Unlike a search's own look it asks for no file's size. */
async function countByFolder(directory: GalleryDirectory): Promise<Map<string, number>> {
  const photos = new Map<string, number>();
  const visited = new Set<string>();

  const walk = async (folder: string, realFolder: string): Promise<void> => {
    if (visited.has(realFolder)) return;
    visited.add(realFolder);
    const entries = await readdir(realFolder, { withFileTypes: true }).catch((): Dirent[] => []);
    let pictures = 0;
    for (const entry of entries) {
      if (entry.name.startsWith('.')) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (entry.isFile()) pictures += isPicture(entry.name) ? 1 : 0;
      else {
        const target = await directory.resolve(path);
        if (target?.kind === 'folder') await walk(path, target.realPath);
        else if (target?.kind === 'file' && isPicture(entry.name)) pictures += 1;
      }
    }
    if (pictures > 0 && folder !== '') photos.set(folder, pictures);
  };
  await walk('', directory.root);
  return photos;
}

async function countIndexed(redis: Redis): Promise<Map<string, number>> {
  const indexed = new Map<string, number>();
  for await (const keys of redis.scanStream({ match: `${filesKey('')}*`, count: 1000 })) {
    for (const key of keys as string[]) indexed.set(key.slice(filesKey('').length), await redis.hlen(key));
  }
  return indexed;
}

/** `a/b/c` is part of the stages `a`, `a/b` and `a/b/c`. */
function withParents(folder: string): string[] {
  const names = folder.split('/');
  return names.map((_, i) => names.slice(0, i + 1).join('/'));
}

function sumBelow(counts: ReadonlyMap<string, number>, stage: string): number {
  let sum = 0;
  for (const [folder, count] of counts) if (folder === stage || folder.startsWith(`${stage}/`)) sum += count;
  return sum;
}
