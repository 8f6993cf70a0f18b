import { setImmediate } from 'node:timers/promises';
import type { FaceMatrix } from '../matrix/face-matrix.js';
import { byCodeUnit } from '../source/stage-path.js';
import type { BadPhoto, BadPhotos } from '../store/bad-photos.js';
import type { EmbeddingStore } from '../store/embedding-store.js';
import type { FileContent, FileStamp, FileTable } from '../store/file-table.js';
import type { PhotoRecord } from '../store/photo-record.js';
import {
  createLoadedPhotos,
  type GalleryFace,
  type LoadedPhotosOptions,
  type LoadedSummary,
} from './loaded-photos.js';

/** Photos that are read from Redis and decoded at once. */
const FILES_PER_LOAD = 1000;
/** The records of photos that fail are read again after this long: another worker may have indexed them. */
const BAD_PHOTOS_FRESH_MS = 5000;
/** Files that are compared before other work of the thread gets a turn: about a millisecond. */
const FILES_PER_TURN = 5000;

export interface FolderStores {
  readonly embeddings: Pick<EmbeddingStore, 'read'>;
  readonly files: Pick<FileTable, 'read' | 'names' | 'remove'>;
  readonly badPhotos: Pick<BadPhotos, 'read'>;
}

/** What a folder has besides its faces. */
export interface FolderSummary extends LoadedSummary {
  /** Photos that failed in the workers that tried to index them, and are not due for another try. */
  readonly bad: readonly BadPhoto[];
  /** Photos that are not indexed yet, sorted by name. */
  readonly unindexed: readonly FileStamp[];
}

/** The faces of the photos directly in one folder, in memory. The stages above the folder share them. */
export interface FolderFaces {
  readonly matrix: FaceMatrix;
  face(row: number): GalleryFace;
  /**
   * Takes over the files of a scan: drops photos that changed or are gone, and loads the others from Redis. Calls for the
   * same folder run one after another.
   *
   * @param onGrowth called after each part of a load. If it throws, the load ends
   */
  update(files: readonly FileStamp[], onGrowth?: () => void): Promise<void>;
  /** Whether the last update took over these files, and nothing was dropped since. */
  isAt(files: readonly FileStamp[]): boolean;
  /** Whether another update with the same files could find more photos: another worker may have indexed them. */
  isIncomplete(): boolean;
  summary(): FolderSummary;
  bytes(): number;
  /** Drops photos by their content; the next update reads them again. */
  drop(hashes: ReadonlySet<string>): void;
  /** Frees the memory. The folder cannot be used any more. */
  dispose(): void;
}

export interface FolderOptions extends LoadedPhotosOptions {
  readonly stores: FolderStores;
}

export function createFolderFaces({
  stores: { embeddings, files: table, badPhotos },
  ...options
}: FolderOptions): FolderFaces {
  const { folder } = options;
  const photos = createLoadedPhotos(options);
  /** The files that `photos` and `missing` add up to. */
  let listed: readonly FileStamp[] | null = null;
  /** The files of the last update that has ended. */
  let loaded: readonly FileStamp[] | null = null;
  /** Listed files that are not in `photos`. */
  let missing: FileStamp[] = [];
  let bad: readonly BadPhoto[] = [];
  let badCheckedMs = 0;
  let unindexed: readonly FileStamp[] = [];
  let summary: FolderSummary | null = null;
  /** Grows when photos are dropped that the next update must read again. */
  let drops = 0;
  let dropsSeen = 0;
  let isDisposed = false;
  /** Names in the file table that were not in the first listing. If the next one lacks them, too, they are removed. */
  let unlisted: readonly string[] | null = null;
  /** Contents that were dropped while an update may already have read them; `null` while none runs. */
  let droppedMeanwhile: Set<string> | null = null;
  let updating: Promise<void> = Promise.resolve();

  /** @returns the files that are not indexed yet */
  const loadFiles = async (files: readonly FileStamp[]): Promise<FileStamp[]> => {
    const contents = await table.read(folder, files);
    const hashes = contents.map((content) => (content?.kind === 'content' ? content.hash : null));
    const known = await embeddings.read(hashes.filter((hash) => hash !== null));
    let next = 0;
    summary = null;
    return files.filter((stamp, i) => {
      const hash = hashes[i] ?? null;
      const record = recordOf(contents[i] ?? null, () => known[next++] ?? null);
      if (record === null || (hash !== null && droppedMeanwhile?.has(hash))) return true;
      photos.add(stamp, hash, record);
      return false;
    });
  };

  /** Drops photos that changed or are gone. */
  const compare = async (files: readonly FileStamp[]): Promise<void> => {
    const changed: FileStamp[] = [];
    for (let start = 0; start < files.length; start += FILES_PER_TURN) {
      if (start > 0) await setImmediate();
      for (const file of files.slice(start, start + FILES_PER_TURN)) {
        const difference = photos.compare(file);
        if (difference === 'same') continue;
        if (difference === 'changed') dropPhoto(file.name);
        changed.push(file);
      }
    }
    const hasVanished = photos.size + changed.length > files.length;
    if (hasVanished || (unlisted ?? []).length > 0) {
      const names = new Set(files.map(({ name }) => name));
      const gone = photos.names().filter((name) => !names.has(name));
      for (const name of gone) dropPhoto(name);
      await table.remove(folder, [...gone, ...(unlisted ?? []).filter((name) => !names.has(name))]);
      unlisted = [];
    }
    missing = changed;
    listed = files;
  };

  const dropPhoto = (name: string): void => {
    photos.drop(name);
    summary = null;
  };

  const findUnlisted = async (files: readonly FileStamp[]): Promise<void> => {
    const names = new Set(files.map(({ name }) => name));
    unlisted = (await table.names(folder)).filter((name) => !names.has(name));
  };

  const update = async (files: readonly FileStamp[], onGrowth: () => void): Promise<void> => {
    const dropsBefore = drops;
    if (files !== listed) await compare(files);
    const left: FileStamp[] = [];
    const wanted = missing;
    missing = [];
    try {
      for (let start = 0; start < wanted.length; start += FILES_PER_LOAD) {
        if (isDisposed) break;
        left.push(...(await loadFiles(wanted.slice(start, start + FILES_PER_LOAD))));
        onGrowth();
      }
    } catch (error) {
      // The next update begins again.
      listed = null;
      throw error;
    }
    const entries = await badPhotos.read(folder, left);
    badCheckedMs = Date.now();
    bad = entries.filter((entry) => entry !== null);
    unindexed = left
      .filter((_file, i) => (entries[i] ?? null) === null)
      .toSorted((a, b) => byCodeUnit(a.name, b.name));
    missing.push(...left);
    summary = null;
    loaded = files;
    dropsSeen = dropsBefore;
    if (unlisted === null) await findUnlisted(files);
  };

  return {
    matrix: photos.matrix,
    face: photos.face,
    update: (files, onGrowth = () => {}) => {
      const updated = updating.then(async () => {
        droppedMeanwhile = new Set();
        try {
          await update(files, onGrowth);
        } finally {
          droppedMeanwhile = null;
        }
      });
      updating = updated.catch(() => {});
      return updated;
    },
    isAt: (files) => loaded === files && dropsSeen === drops,
    isIncomplete: () =>
      unindexed.length > 0 || (bad.length > 0 && Date.now() - badCheckedMs > BAD_PHOTOS_FRESH_MS),
    summary: () => (summary ??= { ...photos.summary(), bad, unindexed }),
    bytes: () => photos.bytes,
    drop: (hashes) => {
      if (droppedMeanwhile !== null) for (const hash of hashes) droppedMeanwhile.add(hash);
      const dropped = photos.dropContents(hashes);
      if (dropped.length === 0) return;
      missing.push(...dropped);
      drops += 1;
      summary = null;
    },
    dispose: () => {
      isDisposed = true;
      void updating.then(photos.clear);
    },
  };
}

function recordOf(content: FileContent | null, readRecord: () => PhotoRecord | null): PhotoRecord | null {
  switch (content?.kind) {
    case 'content':
      return readRecord();
    case 'unreadable':
      return { kind: 'broken', message: content.message };
    case undefined:
      return null;
  }
}
