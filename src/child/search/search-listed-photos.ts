import pMap from 'p-map';
import { ImageError } from '../../shared/errors.js';
import type { ListedPhoto } from './listed-photos.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import type { GalleryFace } from '../../gallery/cache/loaded-photos.js';
import { type ExpansionRule, searchExpanded } from '../../gallery/expand-probe.js';
import { flawOf, type QualityLimits } from '../../gallery/face-quality.js';
import { cosineOf } from '../../gallery/store/fixed-point.js';
import type { GalleryService } from '../gallery-thread/start-gallery-thread.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import type { FindFaces } from '../indexing/known-faces.js';
import type { PhotoRecord } from '../../gallery/store/photo-record.js';

export interface SearchListedOptions {
  readonly findFaces: FindFaces;
  /** `null` if this machine has no gallery folder, and therefore no excluded people. */
  readonly galleries: Pick<GalleryService, 'findExcluded'> | null;
  /** Photos in flight at once. */
  readonly concurrency: number;
  readonly limits: QualityLimits;
  /** Embedding of the face to find: L2-normalised float32 [embeddingSize]. */
  readonly probe: Float32Array;
  readonly minCosine: number;
  /** `null` searches without a second pass. */
  readonly expansion: ExpansionRule | null;
  readonly signal: AbortSignal;
  /** Takes the share (0..1) of the photos that are done. */
  readonly onDone: (share: number) => void;
}

export interface SearchedList {
  readonly matches: readonly GalleryMatch[];
  readonly expandedBy: number;
  readonly photos: number;
  /** One line for each photo that cannot be used. */
  readonly skipped: readonly string[];
  /** Faces that were compared: those within the quality limits. */
  readonly faces: number;
  /** Photos of excluded people. They must be indexed before there are matches. */
  readonly unindexed: readonly IndexBatch[];
}

interface ListedFace extends GalleryFace {
  readonly embedding: Int16Array;
}

/** Searches photos one by one, several at a time. Broken photos are skipped. `path` of a match is the photo's id. */
export async function searchListedPhotos(
  photos: readonly ListedPhoto[],
  {
    findFaces,
    galleries,
    concurrency,
    limits,
    probe,
    minCosine,
    expansion,
    signal,
    onDone,
  }: SearchListedOptions,
): Promise<SearchedList> {
  let done = 0;
  const looked = await pMap(
    photos,
    async ({ id, source }) => {
      signal.throwIfAborted();
      const photo = await analyzePhoto(source, findFaces, signal);
      done += 1;
      onDone(done / photos.length);
      if (photo.kind === 'broken') return { skipped: [`Skipped photo ${id}: ${photo.message}`], faces: [] };
      return { skipped: [], faces: listFaces(id, photo, limits) };
    },
    { concurrency },
  );
  const faces = looked.flatMap((photo) => photo.faces);
  const skipped = looked.flatMap((photo) => photo.skipped);

  const { matches, expandedBy } = searchExpanded(
    probe,
    minCosine,
    expansion,
    (embedding, atLeast) =>
      faces
        .map((face) => ({ face, cosine: cosineOf(embedding, face.embedding) }))
        .filter(({ cosine }) => cosine >= atLeast),
    ({ face }) => Float32Array.from(face.embedding),
  );
  const found = matches.map(({ face, cosine }) => ({ ...face, cosine }));
  const admitted = await leaveOutExcluded(found, probe, galleries);
  return { ...admitted, expandedBy, photos: photos.length - skipped.length, skipped, faces: faces.length };
}

function listFaces(
  id: string,
  { widthPx, heightPx, faces }: PhotoRecord & { readonly kind: 'faces' },
  limits: QualityLimits,
): ListedFace[] {
  return faces
    .filter((face) => flawOf(face, limits) === null)
    .map(({ box, embedding }) => ({ path: id, widthPx, heightPx, box, embedding }));
}

interface FoundFace extends ListedFace {
  readonly cosine: number;
}

/** @throws {GalleryUnavailableError} if this machine does not know whom to exclude */
async function leaveOutExcluded(
  found: readonly FoundFace[],
  probe: Float32Array,
  galleries: SearchListedOptions['galleries'],
): Promise<Pick<SearchedList, 'matches' | 'unindexed'>> {
  if (galleries === null || found.length === 0) return { matches: found.map(matchOf), unindexed: [] };
  const embeddings = [probe, ...found.map(({ embedding }) => Float32Array.from(embedding))];
  const { excluded, batches } = await galleries.findExcluded(embeddings);
  const [isProbeExcluded, ...isExcluded] = excluded;
  return {
    matches: isProbeExcluded !== false ? [] : found.filter((_, i) => isExcluded[i] === false).map(matchOf),
    unindexed: batches,
  };
}

function matchOf({ path, widthPx, heightPx, box, cosine }: FoundFace): GalleryMatch {
  return { path, widthPx, heightPx, box, cosine };
}

/** Returns an unreadable photo as a result, because the search continues. */
async function analyzePhoto(
  source: ListedPhoto['source'],
  findFaces: FindFaces,
  signal: AbortSignal,
): Promise<PhotoRecord> {
  try {
    return (await findFaces(await source(), signal)).photo;
  } catch (error) {
    if (error instanceof ImageError) return { kind: 'broken', message: error.message };
    throw error;
  }
}
