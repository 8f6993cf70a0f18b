import { JobError } from '../../shared/errors.js';
import type { QualityLimits } from '../face-quality.js';
import type { ListedFolder } from '../source/photo-source.js';
import { type BlockPool, createBlockPool } from '../matrix/block-pool.js';
import type { Forgetting } from '../store/forgotten-log.js';
import { createFolderFaces, type FolderFaces, type FolderStores, PHOTO_BYTES } from './folder-faces.js';

/** A folder is loaded again after this long, because Redis may have dropped photos whose retention time is over. */
const RELOAD_MS = 86_400_000;

/** The folders in memory. Each is there once, in whatever stages it is. */
export interface FolderCache {
  /**
   * Loads what is missing, and calls `work` while everything is in memory. `work` must be synchronous.
   *
   * @param list the folders with their files of the last scan, which may change while others are loaded
   * @throws {JobError} `GALLERY_TOO_LARGE`
   */
  use<T>(
    list: () => readonly ListedFolder[],
    work: (folders: ReadonlyMap<string, FolderFaces>) => T,
  ): Promise<T>;
  /** Drops deleted faces. */
  invalidate(forgetting: Forgetting): void;
  bytes(): number;
}

export interface FolderCacheOptions {
  readonly stores: FolderStores;
  readonly embeddingSize: number;
  readonly limitsOf: (folder: string) => QualityLimits;
  readonly maxBytes: number;
  readonly now: () => number;
}

interface Entry {
  readonly faces: FolderFaces;
  readonly loadedAtMs: number;
}

export function createFolderCache({
  stores,
  embeddingSize,
  limitsOf,
  maxBytes,
  now,
}: FolderCacheOptions): FolderCache {
  const pool: BlockPool = createBlockPool(embeddingSize);
  /** By path, in the order of their last use. */
  const entries = new Map<string, Entry>();
  /** Folders come into memory one stage at a time, so that two large stages do not evict each other. */
  let loading: Promise<unknown> = Promise.resolve();

  const bytes = (): number => {
    let sum = 0;
    for (const { faces } of entries.values()) sum += faces.bytes();
    return sum;
  };

  const remove = (folder: string): void => {
    entries.get(folder)?.faces.dispose();
    entries.delete(folder);
  };

  /** @returns `null` for a folder that is not in memory, or was loaded long ago */
  const find = (folder: string): FolderFaces | null => {
    const entry = entries.get(folder);
    return entry !== undefined && now() - entry.loadedAtMs < RELOAD_MS ? entry.faces : null;
  };

  const create = (folder: string): FolderFaces => {
    remove(folder);
    const faces = createFolderFaces({ folder, stores, pool, limits: limitsOf(folder) });
    entries.set(folder, { faces, loadedAtMs: now() });
    return faces;
  };

  /** Evicts the folders that were not used for the longest time. @throws {JobError} these folders alone do not fit */
  const makeRoom = (needed: ReadonlySet<string>): void => {
    let excess = bytes() - maxBytes;
    if (excess <= 0) return;
    for (const [folder, { faces }] of entries) {
      if (excess <= 0) return;
      if (needed.has(folder)) continue;
      excess -= faces.bytes();
      remove(folder);
    }
    if (excess > 0) throw tooLarge();
  };

  const tooLarge = (): JobError =>
    new JobError(
      'GALLERY_TOO_LARGE',
      `The gallery takes more than the ${Math.round(maxBytes / 2 ** 20)} MB of GALLERY_MEMORY_MB: raise it, or search smaller stages`,
    );

  /** Brings all folders into memory. */
  const load = async (listed: readonly ListedFolder[]): Promise<void> => {
    const photos = listed.reduce((sum, { files }) => sum + files.length, 0);
    if (photos * PHOTO_BYTES > maxBytes) throw tooLarge();
    const needed = new Set(listed.map(({ folder }) => folder));
    const created: string[] = [];
    try {
      for (const { folder, files } of listed) {
        const known = find(folder);
        if (known === null) created.push(folder);
        const faces = known ?? create(folder);
        if (!faces.isAt(files)) await faces.update(files, () => makeRoom(needed));
      }
      makeRoom(needed);
    } catch (error) {
      for (const folder of created) remove(folder);
      throw error;
    }
  };

  /** Brings the folders that are in memory up to date, without waiting for loads of other stages. */
  const update = async (listed: readonly ListedFolder[]): Promise<void> => {
    const outdated = listed.filter(({ folder, files }) => {
      const faces = find(folder);
      return faces !== null && (!faces.isAt(files) || faces.isIncomplete());
    });
    if (outdated.length === 0) return;
    await Promise.all(outdated.map(async ({ folder, files }) => find(folder)?.update(files)));
    makeRoom(new Set(listed.map(({ folder }) => folder)));
  };

  /** @returns `null` if a folder is not in memory, or not up to date */
  const findAll = (listed: readonly ListedFolder[]): ReadonlyMap<string, FolderFaces> | null => {
    const found = new Map<string, FolderFaces>();
    for (const { folder, files } of listed) {
      const faces = find(folder);
      if (faces === null || !faces.isAt(files)) return null;
      found.set(folder, faces);
    }
    return found;
  };

  const markUsed = (folder: string): void => {
    const entry = entries.get(folder) as Entry;
    entries.delete(folder);
    entries.set(folder, entry);
  };

  return {
    use: async (list, work) => {
      await update(list());
      for (;;) {
        const listed = list();
        const folders = findAll(listed);
        if (folders !== null) {
          for (const folder of folders.keys()) markUsed(folder);
          // No other load can run between the check and the work.
          return work(folders);
        }
        const loaded = loading.then(() => load(listed));
        loading = loaded.catch(() => {});
        await loaded;
      }
    },
    invalidate: (forgetting) => {
      if (forgetting.kind === 'all') {
        for (const folder of entries.keys()) remove(folder);
        return;
      }
      for (const { faces } of entries.values()) faces.drop(forgetting.hashes);
    },
    bytes,
  };
}
