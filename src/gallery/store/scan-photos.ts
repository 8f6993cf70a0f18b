import type { Redis } from 'ioredis';
import { readBinaryKeys, scanKeys } from '../../shared/redis-keyspace.js';
import { BAD_PHOTOS_KEY, filesKey, INDEX_KEYS, photoKey } from '../../shared/redis-keys.js';

/** Photos in one command. One with a hundred faces takes 100 kB. */
const PHOTOS_PER_READ = 200;

/** Whether a key of the index is that of a photo. */
export function isPhotoKey(key: string): boolean {
  return key !== BAD_PHOTOS_KEY && !key.startsWith(filesKey(''));
}

/** The content hash in the key of a photo. */
export function hashOf(key: string): string {
  return key.slice(key.lastIndexOf(':') + 1);
}

export interface StoredPhoto {
  readonly key: string;
  /** See `photo-record.ts`. */
  readonly record: Buffer;
}

/**
 * All photos of a model pack, some at a time. A photo can come twice.
 *
 * @param onRead called with the number of photos that were read
 */
export async function* scanPhotos(
  redis: Redis,
  packKey: string,
  onRead: (photos: number) => void,
): AsyncGenerator<StoredPhoto[]> {
  for await (const keys of scanKeys(redis, photoKey(packKey, '*'))) {
    for (let start = 0; start < keys.length; start += PHOTOS_PER_READ) {
      const some = keys.slice(start, start + PHOTOS_PER_READ);
      const records = await readBinaryKeys(redis, some);
      yield some.flatMap((key, i) => {
        const record = records[i] ?? null;
        return record === null ? [] : [{ key, record }];
      });
      onRead(some.length);
    }
  }
}

/** Photos in the index by model pack (`packKey`). */
export async function countPhotosByPack(redis: Redis): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}*`)) {
    for (const key of keys) {
      if (!isPhotoKey(key)) continue;
      const pack = key.slice(INDEX_KEYS.length, key.lastIndexOf(':'));
      counts.set(pack, (counts.get(pack) ?? 0) + 1);
    }
  }
  return counts;
}
