import pMap from 'p-map';
import { ImageError } from '../../shared/errors.js';
import type { ListedPhoto } from './listed-photos.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import { flawOf, type QualityLimits } from '../../gallery/face-quality.js';
import { cosineOf } from '../../gallery/store/fixed-point.js';
import type { FindFaces } from '../indexing/known-faces.js';
import type { PhotoRecord } from '../../gallery/store/photo-record.js';

export interface SearchListedOptions {
  readonly findFaces: FindFaces;
  /** How many photos are worth having in flight. */
  readonly concurrency: number;
  readonly limits: QualityLimits;
  /** Embedding of the face to be found: L2-normalised float32 [embeddingSize]. */
  readonly probe: Float32Array;
  readonly minCosine: number;
  readonly signal: AbortSignal;
  /** Takes the share (0..1) of the photos that is done. */
  readonly onDone: (share: number) => void;
  /** Takes one line for every photo that was skipped. */
  readonly log: (line: string) => void;
}

/** Searches photos one by one, several at a time. One that is broken is skipped. `path` of a match is the photo's id. */
export async function searchListedPhotos(
  photos: readonly ListedPhoto[],
  { findFaces, concurrency, limits, probe, minCosine, signal, onDone, log }: SearchListedOptions,
): Promise<GalleryMatch[]> {
  const matches: GalleryMatch[] = [];
  let done = 0;
  let skipped = 0;

  await pMap(
    photos,
    async ({ id, source }) => {
      signal.throwIfAborted();
      const photo = await look(source, findFaces, signal);
      if (photo.kind === 'broken') {
        skipped += 1;
        log(`Skipped photo ${id}: ${photo.message}`);
      } else {
        const { widthPx, heightPx } = photo;
        for (const face of photo.faces) {
          const cosine = cosineOf(probe, face.embedding);
          if (cosine < minCosine || flawOf(face, limits) !== null) continue;
          matches.push({ path: id, widthPx, heightPx, box: face.box, cosine });
        }
      }
      done += 1;
      onDone(done / photos.length);
    },
    { concurrency },
  );

  if (skipped > 0) log(`Skipped ${skipped} of ${photos.length} photos`);
  return matches;
}

/** A photo that cannot be read is a result, as it does not end the search. */
async function look(
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
