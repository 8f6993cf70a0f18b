import type { Redis } from 'ioredis';
import { readBinaryKeys } from '../../shared/redis-keyspace.js';
import { photoKey } from '../../shared/redis-keys.js';
import { decodePhoto, encodePhoto, type PhotoRecord } from './photo-record.js';

/** Photos in one command: many enough for few round trips, few enough not to block Redis for long. */
const PHOTOS_PER_READ = 500;
/** A photo that cannot be decoded is tried again after this long, because a limit may have been raised. */
const BROKEN_RETENTION_S = 86_400;

/** Every photo's faces, computed once for the whole fleet. The key is the photo's content and the model pack. */
export interface EmbeddingStore {
  /** @returns the photo of each content hash in the same order, `null` for an unknown one */
  read(hashes: readonly string[]): Promise<(PhotoRecord | null)[]>;
  /** @param photos by their content hash; sent at once */
  write(photos: ReadonlyMap<string, PhotoRecord>): Promise<void>;
}

export interface EmbeddingStoreOptions {
  readonly redis: Redis;
  readonly pack: { readonly key: string; readonly embeddingSize: number };
  /** How long a photo's faces are kept; 0 = forever. */
  readonly retentionS: number;
}

export function createEmbeddingStore({ redis, pack, retentionS }: EmbeddingStoreOptions): EmbeddingStore {
  const readSome = async (hashes: readonly string[]): Promise<(PhotoRecord | null)[]> => {
    const buffers = await readBinaryKeys(
      redis,
      hashes.map((hash) => photoKey(pack.key, hash)),
    );
    return buffers.map((buffer) => (buffer === null ? null : decodePhoto(buffer, pack.embeddingSize)));
  };

  return {
    read: async (hashes) => {
      const photos: (PhotoRecord | null)[] = [];
      for (let start = 0; start < hashes.length; start += PHOTOS_PER_READ) {
        photos.push(...(await readSome(hashes.slice(start, start + PHOTOS_PER_READ))));
      }
      return photos;
    },
    write: async (photos) => {
      await Promise.all(
        Array.from(photos, ([hash, photo]) => {
          const key = photoKey(pack.key, hash);
          const keptS = photo.kind === 'broken' ? BROKEN_RETENTION_S : retentionS;
          return keptS === 0
            ? redis.set(key, encodePhoto(photo))
            : redis.set(key, encodePhoto(photo), 'EX', keptS);
        }),
      );
    },
  };
}
