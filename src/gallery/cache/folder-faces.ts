import { setImmediate } from 'node:timers/promises';
import type { Box } from '../../shared/face.js';
import { flawOf, type QualityLimits } from '../face-quality.js';
import type { BlockPool } from '../matrix/block-pool.js';
import { createFaceMatrix, type FaceMatrix } from '../matrix/face-matrix.js';
import type { BadPhoto, BadPhotos } from '../store/bad-photos.js';
import type { EmbeddingStore } from '../store/embedding-store.js';
import { type FileContent, type FileStamp, type FileTable, isSameFile } from '../store/file-table.js';
import type { PhotoRecord } from '../store/photo-record.js';

/** Measured size of a photo's and a face's objects, without the matrix. */
export const PHOTO_BYTES = 400;
const FACE_BYTES = 250;
/** About what the faces of a gallery take in the memory of each worker that searches it. */
export function estimateGalleryBytes(photos: number, faces: number, embeddingSize: number): number {
  return photos * PHOTO_BYTES + faces * (FACE_BYTES + 2 * embeddingSize);
}

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

/** One face of a gallery. */
export interface GalleryFace {
  /** The photo's path below `GALLERY_DIR`, with forward slashes. */
  readonly path: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly box: Box;
}

/** What a folder has besides its faces. */
export interface FolderSummary {
  readonly photos: number;
  /** Faces below the quality limits. */
  readonly belowQuality: number;
  /** Photos that cannot be used. */
  readonly broken: readonly { readonly path: string; readonly message: string }[];
  /** Photos that failed in the workers that tried to index them, and are not due for another try. */
  readonly bad: readonly BadPhoto[];
  /** Paths of photos that can be read but show no face. */
  readonly withoutFaces: readonly string[];
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

interface MatrixFace {
  readonly photo: LoadedPhoto;
  readonly box: Box;
  /** In the matrix. */
  row: number;
}

interface LoadedPhoto {
  readonly stamp: FileStamp;
  /** `null` for a file that cannot be read. */
  readonly hash: string | null;
  readonly widthPx: number;
  readonly heightPx: number;
  /** Why the photo is skipped, `null` for a usable one. */
  readonly broken: string | null;
  readonly faces: MatrixFace[];
  readonly belowQuality: number;
}

export interface FolderOptions {
  readonly folder: string;
  readonly stores: FolderStores;
  readonly pool: BlockPool;
  readonly limits: QualityLimits;
}

export function createFolderFaces({
  folder,
  stores: { embeddings, files: table, badPhotos },
  pool,
  limits,
}: FolderOptions): FolderFaces {
  const matrix = createFaceMatrix(pool);
  const photos = new Map<string, LoadedPhoto>();
  /** The face of each row of the matrix. */
  const faceOfRow: MatrixFace[] = [];
  /** The files of the last update. */
  let listed: readonly FileStamp[] | null = null;
  /** Listed files that are not in `photos`. */
  let missing: FileStamp[] = [];
  let bad: readonly BadPhoto[] = [];
  let badCheckedMs = 0;
  let unindexed: readonly FileStamp[] = [];
  let summary: FolderSummary | null = null;
  let isStale = false;
  let isDisposed = false;
  /** Names in the file table that were not in the first listing. If the next one lacks them, too, they are removed. */
  let unlisted: readonly string[] | null = null;
  /** Contents that were dropped while an update may already have read them. */
  const droppedMeanwhile = new Set<string>();
  let updating: Promise<void> = Promise.resolve();

  const pathOf = (name: string): string => `${folder}/${name}`;

  const dropPhoto = (name: string): void => {
    for (const face of photos.get(name)?.faces ?? []) {
      // The matrix moves its last row into the gap.
      matrix.remove(face.row);
      const last = faceOfRow.pop() as MatrixFace;
      if (last === face) continue;
      last.row = face.row;
      faceOfRow[face.row] = last;
    }
    photos.delete(name);
    summary = null;
  };

  const load = (stamp: FileStamp, hash: string | null, record: PhotoRecord): void => {
    summary = null;
    if (record.kind === 'broken') {
      const nothing = { widthPx: 0, heightPx: 0, faces: [], belowQuality: 0 };
      photos.set(stamp.name, { stamp, hash, broken: record.message, ...nothing });
      return;
    }
    const { widthPx, heightPx } = record;
    const usable = record.faces.filter((face) => flawOf(face, limits) === null);
    const belowQuality = record.faces.length - usable.length;
    const photo: LoadedPhoto = { stamp, hash, broken: null, widthPx, heightPx, faces: [], belowQuality };
    for (const { box, embedding } of usable) {
      const face = { photo, box, row: matrix.add(embedding) };
      photo.faces.push(face);
      faceOfRow.push(face);
    }
    photos.set(stamp.name, photo);
  };

  /** @returns the files that are not indexed yet */
  const loadFiles = async (files: readonly FileStamp[]): Promise<FileStamp[]> => {
    const contents = await table.read(folder, files);
    const hashes = contents.map((content) => (content?.kind === 'content' ? content.hash : null));
    const known = await embeddings.read(hashes.filter((hash) => hash !== null));
    let next = 0;
    return files.filter((stamp, i) => {
      const hash = hashes[i] ?? null;
      const record = recordOf(contents[i] ?? null, () => known[next++] ?? null);
      if (record === null || (hash !== null && droppedMeanwhile.has(hash))) return true;
      load(stamp, hash, record);
      return false;
    });
  };

  /** Drops photos that changed or are gone. */
  const compare = async (files: readonly FileStamp[]): Promise<void> => {
    const changed: FileStamp[] = [];
    for (let start = 0; start < files.length; start += FILES_PER_TURN) {
      if (start > 0) await setImmediate();
      for (const file of files.slice(start, start + FILES_PER_TURN)) {
        const before = photos.get(file.name);
        if (before !== undefined && isSameFile(before.stamp, file)) continue;
        if (before !== undefined) dropPhoto(file.name);
        changed.push(file);
      }
    }
    const hasVanished = photos.size + changed.length > files.length;
    if (hasVanished || (unlisted ?? []).length > 0) {
      const names = new Set(files.map(({ name }) => name));
      const gone = [...photos.keys()].filter((name) => !names.has(name));
      for (const name of gone) dropPhoto(name);
      await table.remove(folder, [...gone, ...(unlisted ?? []).filter((name) => !names.has(name))]);
      unlisted = [];
    }
    missing = changed;
    listed = files;
  };

  const findUnlisted = async (files: readonly FileStamp[]): Promise<void> => {
    const names = new Set(files.map(({ name }) => name));
    unlisted = (await table.names(folder)).filter((name) => !names.has(name));
  };

  const update = async (files: readonly FileStamp[], onGrowth: () => void): Promise<void> => {
    droppedMeanwhile.clear();
    isStale = false;
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
    unindexed = left.filter((_file, i) => (entries[i] ?? null) === null).toSorted(byName);
    missing.push(...left);
    summary = null;
    if (unlisted === null) await findUnlisted(files);
  };

  const describe = (): FolderSummary => {
    const loaded = [...photos.values()];
    return {
      photos: photos.size,
      belowQuality: loaded.reduce((sum, { belowQuality }) => sum + belowQuality, 0),
      broken: loaded.flatMap(({ stamp, broken }) =>
        broken === null ? [] : [{ path: pathOf(stamp.name), message: broken }],
      ),
      bad,
      withoutFaces: loaded.flatMap(({ stamp, broken, faces, belowQuality }) =>
        broken === null && faces.length + belowQuality === 0 ? [pathOf(stamp.name)] : [],
      ),
      unindexed,
    };
  };

  return {
    matrix,
    face: (row) => {
      const { photo, box } = faceOfRow[row] as MatrixFace;
      const { stamp, widthPx, heightPx } = photo;
      return { path: pathOf(stamp.name), widthPx, heightPx, box };
    },
    update: (files, onGrowth = () => {}) => {
      const updated = updating.then(() => update(files, onGrowth));
      updating = updated.catch(() => {});
      return updated;
    },
    isAt: (files) => listed === files && !isStale,
    isIncomplete: () =>
      unindexed.length > 0 || (bad.length > 0 && Date.now() - badCheckedMs > BAD_PHOTOS_FRESH_MS),
    summary: () => (summary ??= describe()),
    bytes: () => matrix.bytes + photos.size * PHOTO_BYTES + faceOfRow.length * FACE_BYTES,
    drop: (hashes) => {
      for (const hash of hashes) droppedMeanwhile.add(hash);
      for (const [name, { hash, stamp }] of photos) {
        if (hash === null || !hashes.has(hash)) continue;
        dropPhoto(name);
        missing.push(stamp);
        isStale = true;
      }
    },
    dispose: () => {
      isDisposed = true;
      void updating.then(() => {
        matrix.clear();
        photos.clear();
        faceOfRow.length = 0;
      });
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

function byName(a: FileStamp, b: FileStamp): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
