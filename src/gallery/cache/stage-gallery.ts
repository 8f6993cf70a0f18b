import type { IndexBatch } from '../../shared/index-batch.js';
import { planBatches } from '../batches/plan-batches.js';
import { describeBad } from '../store/bad-photos.js';
import type { FolderFaces } from './folder-faces.js';
import type { GalleryFace } from './loaded-photos.js';
import type { StageScan } from './stage-scans.js';

/** A gallery as the last scan shows it. */
export interface ScannedGallery {
  /** Photos that are indexed or skipped. */
  readonly photos: number;
  readonly faces: number;
  /** Faces below the quality limits. A search does not find them. */
  readonly belowQuality: number;
  /** One line for each photo that cannot be used. */
  readonly skipped: readonly string[];
  /** One line for each folder that cannot be read, and for each kind of file that is left out. */
  readonly notes: readonly string[];
  /** Photos that are not indexed yet. */
  readonly batches: readonly IndexBatch[];
}

/** A face of a gallery that is similar to a probe. */
export interface FoundFace extends GalleryFace {
  /** -1..1 */
  readonly cosine: number;
  /** In the direction of its embedding: float32 [embeddingSize]. */
  embedding(): Float32Array;
}

/** The gallery of a stage: the faces of all its folders. Valid only until other work of the thread runs. */
export interface StageGallery {
  /** @returns at most one face a photo, the most similar one, in no order */
  search(
    probe: Float32Array,
    minCosine: number,
    isAdmitted: (embedding: Float32Array) => boolean,
  ): FoundFace[];
  /** Whether any face reaches the cosine. */
  hasFace(probe: Float32Array, minCosine: number): boolean;
  /** One line for each photo that shows nobody, lacks faces or cannot be used, and for each folder that cannot be read. */
  unusable(): string[];
  describe(): ScannedGallery;
}

export function createStageGallery(
  { unreadable, ignored }: StageScan,
  folders: readonly (readonly [folder: string, faces: FolderFaces])[],
): StageGallery {
  const summaries = (): ReturnType<FolderFaces['summary']>[] => folders.map(([, faces]) => faces.summary());
  return {
    search: (probe, minCosine, isAdmitted) =>
      folders.flatMap(([, faces]) => searchFolder(faces, probe, minCosine, isAdmitted)),
    hasFace: (probe, minCosine) =>
      folders.some(([, { matrix }]) => matrix.search(probe, minCosine).length > 0),
    unusable: () => [
      ...summaries().flatMap(({ broken, withoutFaces, withheld, bad }) => [
        ...broken.map(({ path, message }) => `${path}: ${message}`),
        ...withoutFaces.map((path) => `${path}: no face was found`),
        ...withheld.map(
          (path) => `${path}: faces were deleted; run "face-search forget ${path}" to index it again`,
        ),
        ...bad.map(({ path, reason }) => `${path}: ${reason}`),
      ]),
      ...unreadable,
    ],
    describe: () => {
      const all = summaries();
      return {
        photos: sum(all.map(({ photos, bad }) => photos + bad.length)),
        faces: sum(folders.map(([, { matrix }]) => matrix.size)),
        belowQuality: sum(all.map(({ belowQuality }) => belowQuality)),
        skipped: all.flatMap(({ broken, bad }) => [
          ...broken.map(({ path, message }) => `Skipped photo ${path}: ${message}`),
          ...bad.map(describeBad),
        ]),
        notes: [...unreadable, ...ignored],
        batches: folders.flatMap(([folder], i) => planBatches(folder, all[i]?.unindexed ?? [])),
      };
    },
  };
}

function searchFolder(
  { matrix, face }: FolderFaces,
  probe: Float32Array,
  minCosine: number,
  isAdmitted: (embedding: Float32Array) => boolean,
): FoundFace[] {
  const best = new Map<string, FoundFace>();
  for (const { row, cosine } of matrix.search(probe, minCosine)) {
    const found = face(row);
    if (cosine <= (best.get(found.path)?.cosine ?? -Infinity) || !isAdmitted(matrix.read(row))) continue;
    best.set(found.path, { ...found, cosine, embedding: () => matrix.read(row) });
  }
  return [...best.values()];
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
