import type { Box } from '../../shared/face.js';
import { flawOf, type QualityLimits } from '../face-quality.js';
import type { BlockPool } from '../matrix/block-pool.js';
import { createFaceMatrix, type FaceMatrix } from '../matrix/face-matrix.js';
import { type FileStamp, isSameFile } from '../store/file-table.js';
import type { PhotoRecord } from '../store/photo-record.js';
import { FACE_BYTES, PHOTO_BYTES } from './gallery-bytes.js';

/** One face of a gallery. */
export interface GalleryFace {
  /** The photo's path below `GALLERY_DIR`, with forward slashes. */
  readonly path: string;
  readonly widthPx: number;
  readonly heightPx: number;
  readonly box: Box;
}

/** What photos have besides their faces. */
export interface LoadedSummary {
  readonly photos: number;
  /** Faces below the quality limits. */
  readonly belowQuality: number;
  /** Photos that cannot be used. */
  readonly broken: readonly { readonly path: string; readonly message: string }[];
  /** Paths of photos that can be read but show no face. */
  readonly withoutFaces: readonly string[];
}

/** The photos of one folder that are in memory, and the rows of their faces in a matrix. */
export interface LoadedPhotos {
  readonly matrix: FaceMatrix;
  readonly size: number;
  readonly bytes: number;
  face(row: number): GalleryFace;
  names(): string[];
  /** @returns `unknown` for a file that is not in memory */
  compare(file: FileStamp): 'same' | 'changed' | 'unknown';
  /** @param hash of the content; `null` for a file that cannot be read */
  add(stamp: FileStamp, hash: string | null, record: PhotoRecord): void;
  drop(name: string): void;
  /** @returns the files that were dropped */
  dropContents(hashes: ReadonlySet<string>): FileStamp[];
  summary(): LoadedSummary;
  clear(): void;
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
  /** Faces of people who have opted out are left out. */
  readonly withheld: boolean;
}

export interface LoadedPhotosOptions {
  readonly folder: string;
  readonly pool: BlockPool;
  readonly limits: QualityLimits;
}

export function createLoadedPhotos({ folder, pool, limits }: LoadedPhotosOptions): LoadedPhotos {
  const matrix = createFaceMatrix(pool);
  const photos = new Map<string, LoadedPhoto>();
  /** The face of each row of the matrix. */
  const faceOfRow: MatrixFace[] = [];

  const pathOf = (name: string): string => `${folder}/${name}`;

  const drop = (name: string): void => {
    for (const face of photos.get(name)?.faces ?? []) {
      // The matrix moves its last row into the gap.
      matrix.remove(face.row);
      const last = faceOfRow.pop() as MatrixFace;
      if (last === face) continue;
      last.row = face.row;
      faceOfRow[face.row] = last;
    }
    photos.delete(name);
  };

  return {
    matrix,
    get size() {
      return photos.size;
    },
    get bytes() {
      return matrix.bytes + photos.size * PHOTO_BYTES + faceOfRow.length * FACE_BYTES;
    },
    face: (row) => {
      const { photo, box } = faceOfRow[row] as MatrixFace;
      const { stamp, widthPx, heightPx } = photo;
      return { path: pathOf(stamp.name), widthPx, heightPx, box };
    },
    names: () => [...photos.keys()],
    compare: (file) => {
      const loaded = photos.get(file.name);
      if (loaded === undefined) return 'unknown';
      return isSameFile(loaded.stamp, file) ? 'same' : 'changed';
    },
    add: (stamp, hash, record) => {
      if (record.kind === 'broken') {
        const nothing = { widthPx: 0, heightPx: 0, faces: [], belowQuality: 0, withheld: false };
        photos.set(stamp.name, { stamp, hash, broken: record.message, ...nothing });
        return;
      }
      const { widthPx, heightPx, withheld = false } = record;
      const usable = record.faces.filter((face) => flawOf(face, limits) === null);
      const belowQuality = record.faces.length - usable.length;
      const size = { widthPx, heightPx };
      const photo: LoadedPhoto = { stamp, hash, broken: null, ...size, faces: [], belowQuality, withheld };
      for (const { box, embedding } of usable) {
        const face = { photo, box, row: matrix.add(embedding) };
        photo.faces.push(face);
        faceOfRow.push(face);
      }
      photos.set(stamp.name, photo);
    },
    drop,
    dropContents: (hashes) => {
      const dropped: FileStamp[] = [];
      for (const [name, { hash, stamp }] of photos) {
        if (hash === null || !hashes.has(hash)) continue;
        drop(name);
        dropped.push(stamp);
      }
      return dropped;
    },
    summary: () => {
      const loaded = [...photos.values()];
      return {
        photos: photos.size,
        belowQuality: loaded.reduce((sum, { belowQuality }) => sum + belowQuality, 0),
        broken: loaded.flatMap(({ stamp, broken }) =>
          broken === null ? [] : [{ path: pathOf(stamp.name), message: broken }],
        ),
        withoutFaces: loaded.flatMap(({ stamp, broken, faces, belowQuality, withheld }) =>
          broken === null && !withheld && faces.length + belowQuality === 0 ? [pathOf(stamp.name)] : [],
        ),
      };
    },
    clear: () => {
      matrix.clear();
      photos.clear();
      faceOfRow.length = 0;
    },
  };
}
