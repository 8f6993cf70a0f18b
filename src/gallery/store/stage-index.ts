import type { Redis } from 'ioredis';
import { scanKeys } from '../../shared/redis-keyspace.js';
import { filesKey, INDEXED_FOLDERS_KEY } from '../../shared/redis-keys.js';

/** Member of every complete index. No photo lies directly in `GALLERY_DIR`, so no folder has this name. */
const COMPLETE = '';

/** Commands that are sent before the first reply is awaited. */
const FOLDERS_AT_A_TIME = 1000;

/**
 * The folders that have indexed photos, as a set in Redis, so that a list of them needs no SCAN of all keys. Whoever
 * writes the files of a folder adds it. A reader removes the folders that have been forgotten or have expired, and
 * rebuilds the set if it is missing.
 */
export interface StageIndex {
  /** Call it after the folder's files are written: a reader removes folders without files. */
  add(folder: string): Promise<void>;
  /** The number of indexed photos directly in each folder, sorted by path. */
  countPhotos(): Promise<Map<string, number>>;
}

/** @param retentionS how long a folder is kept after its last write; 0 = forever */
export function createStageIndex(redis: Redis, retentionS: number): StageIndex {
  const folders = async (): Promise<string[]> => {
    const known = await redis.smembers(INDEXED_FOLDERS_KEY);
    return known.includes(COMPLETE) ? known.filter((folder) => folder !== COMPLETE) : rebuild();
  };

  const rebuild = async (): Promise<string[]> => {
    const found: string[] = [];
    for await (const keys of scanKeys(redis, `${filesKey('')}*`)) {
      const some = keys.map((key) => key.slice(filesKey('').length));
      await redis.sadd(INDEXED_FOLDERS_KEY, ...some);
      found.push(...some);
    }
    await redis.sadd(INDEXED_FOLDERS_KEY, COMPLETE);
    return found;
  };

  /** Returns the folders that have files after all: one was written while the folder was removed. */
  const remove = async (empty: readonly string[]): Promise<void> => {
    await redis.srem(INDEXED_FOLDERS_KEY, ...empty);
    const counts = await Promise.all(empty.map((folder) => redis.hlen(filesKey(folder))));
    const full = empty.filter((_folder, i) => (counts[i] ?? 0) > 0);
    if (full.length > 0) await redis.sadd(INDEXED_FOLDERS_KEY, ...full);
  };

  return {
    add: async (folder) => {
      await redis.sadd(INDEXED_FOLDERS_KEY, folder);
      if (retentionS > 0) await redis.expire(INDEXED_FOLDERS_KEY, retentionS);
    },
    countPhotos: async () => {
      const photos = new Map<string, number>();
      const all = (await folders()).toSorted();
      for (let start = 0; start < all.length; start += FOLDERS_AT_A_TIME) {
        const some = all.slice(start, start + FOLDERS_AT_A_TIME);
        const counts = await Promise.all(some.map((folder) => redis.hlen(filesKey(folder))));
        const empty = some.filter((_folder, i) => counts[i] === 0);
        if (empty.length > 0) await remove(empty);
        some.forEach((folder, i) => {
          if ((counts[i] ?? 0) > 0) photos.set(folder, counts[i] ?? 0);
        });
      }
      return photos;
    },
  };
}
