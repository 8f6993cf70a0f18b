import type { Redis } from 'ioredis';
import { photoKey } from '../../shared/redis-keys.js';
import { decodePhoto, encodePhoto, type PhotoRecord } from './photo-record.js';

/** Photos of one command: enough to make round trips cheap, few enough for Redis to serve others in between. */
const PHOTOS_PER_READ = 500;
/** A photo that cannot be decoded is tried again after this long: a limit may have been raised. */
const BROKEN_RETENTION_S = 86_400;

/** Every photo's faces, computed once by one of the fleet, keyed by the photo's content and the model pack. */
export interface EmbeddingStore {
  /** @returns for each content hash what is known of it, in the same order */
  read(hashes: readonly string[]): Promise<(PhotoRecord | null)[]>;
  write(hash: string, photo: PhotoRecord): Promise<void>;
}

export interface EmbeddingStoreOptions {
  readonly redis: Redis;
  readonly pack: { readonly key: string; readonly embeddingSize: number };
  /** How long a photo's faces are kept; 0 for ever. */
  readonly retentionS: number;
}

export function createEmbeddingStore({ redis, pack, retentionS }: EmbeddingStoreOptions): EmbeddingStore {
  const readSome = async (hashes: readonly string[]): Promise<(PhotoRecord | null)[]> => {
    const buffers = await redis.mgetBuffer(hashes.map((hash) => photoKey(pack.key, hash)));
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
    write: async (hash, photo) => {
      const key = photoKey(pack.key, hash);
      const keptS = photo.kind === 'broken' ? BROKEN_RETENTION_S : retentionS;
      if (keptS === 0) await redis.set(key, encodePhoto(photo));
      else await redis.set(key, encodePhoto(photo), 'EX', keptS);
    },
  };
}
