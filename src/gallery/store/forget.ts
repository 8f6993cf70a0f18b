import type { Redis } from 'ioredis';
import { deleteKeys, scanKeys } from '../../shared/redis-keyspace.js';
import { BAD_PHOTOS_KEY, FORGOTTEN_CHANNEL, INDEX_KEYS, filesKey } from '../../shared/redis-keys.js';
import { logForgetting } from './forgotten-log.js';

/**
 * `all`; a folder or a photo below `GALLERY_DIR`; or a model pack by its name, or by its key for the faces of one
 * version of it.
 */
export type Forgettable =
  | { readonly kind: 'all' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'pack'; readonly pack: string };

export interface Forgotten {
  readonly photos: number;
  readonly folders: number;
}

/**
 * Deletes computed faces of all model packs, also those of copies in other folders, and tells every running child to
 * drop them from memory. The next search indexes photos again that are still in the gallery: remove them first.
 */
export async function forget(redis: Redis, what: Forgettable): Promise<Forgotten> {
  const forgotten = await deleteFaces(redis, what);
  await redis.publish(FORGOTTEN_CHANNEL, '');
  return forgotten;
}

function deleteFaces(redis: Redis, what: Forgettable): Promise<Forgotten> {
  switch (what.kind) {
    case 'all':
      return forgetAll(redis);
    case 'path':
      return forgetPath(redis, what.path);
    case 'pack':
      return forgetPack(redis, what.pack);
  }
}

/** Keeps what is known of the files: other packs use it too. */
async function forgetPack(redis: Redis, pack: string): Promise<Forgotten> {
  let photos = 0;
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}${pack}*`)) {
    const ofPack = keys.filter((key) => {
      const [packKey = ''] = key.slice(INDEX_KEYS.length).split(':');
      return packKey === pack || packKey.replace(/-[0-9a-f]{8}$/, '') === pack;
    });
    if (ofPack.length > 0) photos += await deleteKeys(redis, ofPack);
  }
  await logForgetting(redis, null);
  return { photos, folders: 0 };
}

async function forgetAll(redis: Redis): Promise<Forgotten> {
  let [photos, folders] = [0, 0];
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}*`)) {
    const folderKeys = keys.filter((key) => key.startsWith(filesKey('')));
    folders += folderKeys.length;
    photos += keys.filter((key) => key !== BAD_PHOTOS_KEY).length - folderKeys.length;
    await deleteKeys(redis, keys);
  }
  await logForgetting(redis, null);
  return { photos, folders };
}

async function forgetPath(redis: Redis, path: string): Promise<Forgotten> {
  const hashes = new Set<string>();
  let folders = 0;
  for await (const keys of scanKeys(redis, `${filesKey('')}*`)) {
    for (const key of keys) {
      const folder = key.slice(filesKey('').length);
      if (folder !== path && !folder.startsWith(`${path}/`)) continue;
      folders += 1;
      for (const value of await redis.hvals(key)) hashes.add(hashOf(value));
      await redis.unlink(key);
    }
  }
  const slash = path.lastIndexOf('/');
  const [folder, name] = [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
  const value = await redis.hget(filesKey(folder), name);
  if (value !== null) {
    hashes.add(hashOf(value));
    await redis.hdel(filesKey(folder), name);
  }
  const photos = await forgetContents(redis, hashes);
  if (hashes.size > 0) await logForgetting(redis, hashes);
  return { photos, folders };
}

/** For every model pack. */
async function forgetContents(redis: Redis, hashes: ReadonlySet<string>): Promise<number> {
  let photos = 0;
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}*`)) {
    const found = keys.filter((key) => hashes.has(key.slice(key.lastIndexOf(':') + 1)));
    if (found.length > 0) photos += await deleteKeys(redis, found);
  }
  return photos;
}

/** The content hash of `size:time:hash`. */
function hashOf(value: string): string {
  return value.split(':')[2] ?? '';
}
