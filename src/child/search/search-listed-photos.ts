import pMap from 'p-map';
import { ImageError } from '../../shared/errors.js';
import type { ListedPhoto } from './listed-photos.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import type { GalleryFace } from '../../gallery/cache/gallery.js';
import { type ExpansionRule, searchExpanded } from '../../gallery/expand-probe.js';
import { flawOf, type QualityLimits } from '../../gallery/face-quality.js';
import { cosineOf } from '../../gallery/store/fixed-point.js';
import type { FindFaces } from '../indexing/known-faces.js';
import type { PhotoRecord } from '../../gallery/store/photo-record.js';

export interface SearchListedOptions {
  readonly findFaces: FindFaces;
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
  /** Takes one line for each skipped photo. */
  readonly log: (line: string) => void;
}

export interface SearchedList {
  readonly matches: readonly GalleryMatch[];
  readonly expandedBy: number;
  readonly photos: number;
  /** Faces that were compared: those within the quality limits. */
  readonly faces: number;
}

interface ListedFace extends GalleryFace {
  readonly embedding: Int16Array;
}

/** Searches photos one by one, several at a time. Broken photos are skipped. `path` of a match is the photo's id. */
export async function searchListedPhotos(
  photos: readonly ListedPhoto[],
  { findFaces, concurrency, limits, probe, minCosine, expansion, signal, onDone, log }: SearchListedOptions,
): Promise<SearchedList> {
  const faces: ListedFace[] = [];
  let done = 0;
  let skipped = 0;

  await pMap(
    photos,
    async ({ id, source }) => {
      signal.throwIfAborted();
      const photo = await analyzePhoto(source, findFaces, signal);
      if (photo.kind === 'broken') {
        skipped += 1;
        log(`Skipped photo ${id}: ${photo.message}`);
      } else {
        const { widthPx, heightPx } = photo;
        for (const face of photo.faces) {
          if (flawOf(face, limits) !== null) continue;
          faces.push({ path: id, widthPx, heightPx, box: face.box, embedding: face.embedding });
        }
      }
      done += 1;
      onDone(done / photos.length);
    },
    { concurrency },
  );

  if (skipped > 0) log(`Skipped ${skipped} of ${photos.length} photos`);
  const found = searchExpanded(
    probe,
    minCosine,
    expansion,
    (embedding, atLeast) => matchFaces(faces, embedding, atLeast),
    ({ face }) => Float32Array.from(face.embedding),
  );
  return {
    matches: found.matches.map(({ face: { embedding: _embedding, ...face }, cosine }) => ({
      ...face,
      cosine,
    })),
    expandedBy: found.expandedBy,
    photos: photos.length - skipped,
    faces: faces.length,
  };
}

/** Each photo by its most similar face. */
function matchFaces(
  faces: readonly ListedFace[],
  probe: Float32Array,
  minCosine: number,
): { readonly face: ListedFace; readonly cosine: number }[] {
  const best = new Map<string, { readonly face: ListedFace; readonly cosine: number }>();
  for (const face of faces) {
    const cosine = cosineOf(probe, face.embedding);
    if (cosine < minCosine || cosine <= (best.get(face.path)?.cosine ?? -Infinity)) continue;
    best.set(face.path, { face, cosine });
  }
  return [...best.values()];
}

/** A photo that cannot be read is a result, because the search goes on. */
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
