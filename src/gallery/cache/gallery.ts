import type { ListedFolder } from '../source/photo-source.js';
import { JobError } from '../../shared/errors.js';
import type { Box } from '../../shared/face.js';
import { createFaceMatrix, type FaceMatrix } from '../matrix/face-matrix.js';
import type { EmbeddingStore } from '../store/embedding-store.js';
import type { FileContent, FileStamp, FileTable } from '../store/file-table.js';
import type { PhotoRecord } from '../store/photo-record.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { flawOf, type QualityLimits } from '../face-quality.js';
import { planBatches } from '../batches/plan-batches.js';

/** Measured size of a photo's and a face's objects, without the matrix. */
const PHOTO_BYTES = 400;
const FACE_BYTES = 250;
/** Photos that are decoded at once. */
const FILES_PER_LOAD = 1000;

export interface GalleryStores {
  readonly embeddings: EmbeddingStore;
  readonly files: FileTable;
}

/** One face of a gallery. */
export interface GalleryFace {
  /** The photo's path below `GALLERY_DIR`, with forward slashes. */
  readonly path: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly box: Box;
}

interface MatrixFace extends GalleryFace {
  /** In the matrix. */
  row: number;
}

interface GalleryPhoto {
  readonly stamp: FileStamp;
  /** `null` for a file that cannot be read. */
  readonly hash: string | null;
  /** Why the photo is skipped, `null` for a usable one. */
  readonly broken: string | null;
  readonly faces: readonly MatrixFace[];
  readonly belowQuality: number;
}

/** The faces of all photos below one folder, in memory. */
export interface Gallery {
  readonly matrix: FaceMatrix;
  face(row: number): GalleryFace;
  /**
   * Loads new and changed photos from Redis and drops the photos that are gone.
   *
   * @returns the photos that are not indexed yet
   */
  update(listed: readonly ListedFolder[]): Promise<IndexBatch[]>;
  photos(): number;
  /** Faces below the quality limits. */
  belowQuality(): number;
  /** The photos that cannot be used. */
  broken(): { readonly path: string; readonly message: string }[];
  /** Paths of the photos that can be read but show no face. */
  withoutFaces(): string[];
  bytes(): number;
  /** Drops photos by their content; the next update reads them again. */
  drop(hashes: ReadonlySet<string>): void;
}

export interface GalleryOptions {
  readonly limits: QualityLimits;
  /** A larger gallery is refused. */
  readonly maxBytes: number;
}

export function createGallery(
  { embeddings, files: table }: GalleryStores,
  embeddingSize: number,
  { limits, maxBytes }: GalleryOptions,
): Gallery {
  const matrix = createFaceMatrix(embeddingSize);
  const photos = new Map<string, GalleryPhoto>();
  /** The face of each row of the matrix. */
  const faceOfRow: MatrixFace[] = [];

  /** Contents that were dropped while an update may already have read them. */
  const droppedMeanwhile = new Set<string>();

  const dropPhoto = (path: string): void => {
    for (const face of photos.get(path)?.faces ?? []) {
      // The matrix moves its last row into the gap.
      matrix.remove(face.row);
      const last = faceOfRow.pop() as MatrixFace;
      if (last === face) continue;
      last.row = face.row;
      faceOfRow[face.row] = last;
    }
    photos.delete(path);
  };

  const load = (path: string, stamp: FileStamp, hash: string | null, photo: PhotoRecord): void => {
    if (photo.kind === 'broken') {
      photos.set(path, { stamp, hash, broken: photo.message, faces: [], belowQuality: 0 });
      return;
    }
    const { widthPx, heightPx } = photo;
    const usable = photo.faces.filter((face) => flawOf(face, limits) === null);
    const faces = usable.map(({ box, embedding }) => {
      const face = { path, widthPx, heightPx, box, row: matrix.add(embedding) };
      faceOfRow.push(face);
      return face;
    });
    photos.set(path, { stamp, hash, broken: null, faces, belowQuality: photo.faces.length - usable.length });
  };

  const bytes = (): number => matrix.bytes + photos.size * PHOTO_BYTES + faceOfRow.length * FACE_BYTES;

  /** @returns the files that are not indexed yet */
  const loadFiles = async (folder: string, changed: readonly FileStamp[]): Promise<FileStamp[]> => {
    const contents = await table.read(folder, changed);
    const hashes = contents.map((content) => (content?.kind === 'content' ? content.hash : null));
    const known = await embeddings.read(hashes.filter((hash) => hash !== null));
    let next = 0;
    const unindexed = changed.filter((stamp, i) => {
      const hash = hashes[i] ?? null;
      const record = recordOf(contents[i] ?? null, () => known[next++] ?? null);
      if (record === null || (hash !== null && droppedMeanwhile.has(hash))) return true;
      load(`${folder}/${stamp.name}`, stamp, hash, record);
      return false;
    });
    if (bytes() > maxBytes) {
      throw new JobError(
        'GALLERY_TOO_LARGE',
        `The gallery takes more than the ${Math.round(maxBytes / 2 ** 20)} MB of GALLERY_MEMORY_MB: raise it, or search smaller stages`,
      );
    }
    return unindexed;
  };

  return {
    matrix,
    face: (row) => faceOfRow[row] as GalleryFace,
    update: async (listed) => {
      droppedMeanwhile.clear();
      const present = new Set<string>();
      const batches: IndexBatch[] = [];
      for (const { folder, files } of listed) {
        const changed: FileStamp[] = [];
        for (const file of files) {
          const path = `${folder}/${file.name}`;
          present.add(path);
          if (!isSame(photos.get(path)?.stamp, file)) changed.push(file);
        }
        for (const { name } of changed) dropPhoto(`${folder}/${name}`);
        const unindexed: FileStamp[] = [];
        for (let start = 0; start < changed.length; start += FILES_PER_LOAD) {
          unindexed.push(...(await loadFiles(folder, changed.slice(start, start + FILES_PER_LOAD))));
        }
        batches.push(...planBatches(folder, unindexed));
      }
      const vanished = [...photos.keys()].filter((path) => !present.has(path));
      for (const path of vanished) dropPhoto(path);
      for (const { folder } of listed) await table.remove(folder, namesIn(folder, vanished));
      return batches;
    },
    photos: () => photos.size,
    belowQuality: () => sum(photos.values(), ({ belowQuality }) => belowQuality),
    broken: () =>
      [...photos].flatMap(([path, { broken }]) => (broken === null ? [] : [{ path, message: broken }])),
    withoutFaces: () =>
      [...photos].flatMap(([path, { broken, faces, belowQuality }]) =>
        broken === null && faces.length + belowQuality === 0 ? [path] : [],
      ),
    bytes,
    drop: (hashes) => {
      for (const hash of hashes) droppedMeanwhile.add(hash);
      for (const [path, { hash }] of photos) if (hash !== null && hashes.has(hash)) dropPhoto(path);
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

function namesIn(folder: string, paths: readonly string[]): string[] {
  return paths
    .filter((path) => path.lastIndexOf('/') === folder.length && path.startsWith(folder))
    .map((path) => path.slice(folder.length + 1));
}

function isSame(before: FileStamp | undefined, now: FileStamp): boolean {
  return before?.sizeBytes === now.sizeBytes && before.changedMs === now.changedMs;
}

function sum<T>(items: Iterable<T>, valueOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += valueOf(item);
  return total;
}
