import type { Redis } from 'ioredis';
import { deleteKeys, publish, scanKeys } from '../../shared/redis-keyspace.js';
import { BAD_PHOTOS_KEY, FORGOTTEN_CHANNEL, INDEX_KEYS, filesKey } from '../../shared/redis-keys.js';
import { isWithin } from '../source/stage-path.js';
import { logForgetting } from './forgotten-log.js';
import { scanFiles, scanHash } from './scan-files.js';
import { hashOf, isPhotoKey } from './scan-photos.js';

/**
 * `all`; a folder or a photo below `GALLERY_DIR`; or a model pack by its name, or by its key for the faces of one
 * version of it.
 */
export type Forgettable =
  | { readonly kind: 'all' }
  | { readonly kind: 'path'; readonly path: string }
  | { readonly kind: 'pack'; readonly pack: string };

export interface Forgotten {
  /** Photos with faces, once for each model pack. */
  readonly photos: number;
  readonly folders: number;
  /** Records of photos that failed. */
  readonly failures: number;
  /** Photos that no file in the index refers to: earlier contents of files, deleted files, and photos that jobs brought. */
  readonly unreferenced: number;
}

/**
 * Deletes computed faces of all model packs, also those of copies in other folders, and tells every running child to
 * drop them from memory. With a path, it also deletes all photos that no file refers to, because they may have been that
 * path's. The next search indexes photos again that are still in the gallery: remove them first.
 *
 * @param isDry only counts
 */
export async function forget(redis: Redis, what: Forgettable, isDry = false): Promise<Forgotten> {
  const forgotten = await deleteFaces(redis, what, isDry);
  if (!isDry) await publish(redis, FORGOTTEN_CHANNEL, '');
  return forgotten;
}

function deleteFaces(redis: Redis, what: Forgettable, isDry: boolean): Promise<Forgotten> {
  switch (what.kind) {
    case 'all':
      return forgetAll(redis, isDry);
    case 'path':
      return forgetPath(redis, what.path, isDry);
    case 'pack':
      return forgetPack(redis, what.pack, isDry);
  }
}

/** Keeps what is known of the files: other packs use it too. */
async function forgetPack(redis: Redis, pack: string, isDry: boolean): Promise<Forgotten> {
  let photos = 0;
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}${pack}*`)) {
    const ofPack = keys.filter((key) => {
      const [packKey = ''] = key.slice(INDEX_KEYS.length).split(':');
      return packKey === pack || packKey.replace(/-[0-9a-f]{8}$/, '') === pack;
    });
    photos += isDry ? ofPack.length : await deleteKeys(redis, ofPack);
  }
  if (!isDry) await logForgetting(redis, null);
  return { photos, folders: 0, failures: 0, unreferenced: 0 };
}

async function forgetAll(redis: Redis, isDry: boolean): Promise<Forgotten> {
  let [photos, folders] = [0, 0];
  const failures = await redis.hlen(BAD_PHOTOS_KEY);
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}*`)) {
    const folderKeys = keys.filter((key) => key.startsWith(filesKey('')));
    folders += folderKeys.length;
    photos += keys.filter((key) => key !== BAD_PHOTOS_KEY).length - folderKeys.length;
    if (!isDry) await deleteKeys(redis, keys);
  }
  if (!isDry) await logForgetting(redis, null);
  return { photos, folders, failures, unreferenced: 0 };
}

async function forgetPath(redis: Redis, path: string, isDry: boolean): Promise<Forgotten> {
  /** Content hashes of the path, and of everything else. */
  const [hashes, others] = [new Set<string>(), new Set<string>()];
  const folders = new Set<string>();
  const slash = path.lastIndexOf('/');
  const [parent, name] = [path.slice(0, Math.max(0, slash)), path.slice(slash + 1)];
  for await (const file of scanFiles(redis)) {
    const isOwn = isWithin(file.folder, path);
    if (isOwn) folders.add(file.folder);
    if (file.hash === null) continue;
    (isOwn || (file.folder === parent && file.name === name) ? hashes : others).add(file.hash);
  }
  const isFile = (await redis.hexists(filesKey(parent), name)) === 1;
  const failed: string[] = [];
  for await (const [file] of scanHash(redis, BAD_PHOTOS_KEY)) if (isWithin(file, path)) failed.push(file);
  if (folders.size === 0 && !isFile && failed.length === 0) {
    return { photos: 0, folders: 0, failures: 0, unreferenced: 0 };
  }

  if (!isDry) {
    for (const folder of folders) await redis.unlink(filesKey(folder));
    if (isFile) await redis.hdel(filesKey(parent), name);
    if (failed.length > 0) await redis.hdel(BAD_PHOTOS_KEY, ...failed);
  }
  let [photos, unreferenced] = [0, 0];
  for await (const keys of scanKeys(redis, `${INDEX_KEYS}*`)) {
    const own = keys.filter((key) => hashes.has(hashOf(key)));
    const orphans = keys.filter(
      (key) => isPhotoKey(key) && !hashes.has(hashOf(key)) && !others.has(hashOf(key)),
    );
    photos += isDry ? own.length : await deleteKeys(redis, own);
    unreferenced += isDry ? orphans.length : await deleteKeys(redis, orphans);
  }
  if (!isDry && hashes.size > 0) await logForgetting(redis, hashes);
  return { photos, folders: folders.size, failures: failed.length, unreferenced };
}
