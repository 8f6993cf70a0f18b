import { ImageError } from '../shared/errors.js';
import type { SearchMatch } from '../shared/job.js';
import { forEachConcurrently } from './for-each-concurrently.js';
import type { GalleryPhoto } from './gallery/gallery.js';
import type { Engine, Face, Picture } from './inference/engine.js';
import { rankMatches } from './rank-matches.js';

export interface SearchGalleryOptions {
  readonly engine: Engine;
  /** Embedding of the face to be found: L2-normalised float32 [embeddingSize]. */
  readonly person: Float32Array;
  /** Score (0..1) that a match must reach. */
  readonly threshold: number;
  /** Longest result, 0 for all. */
  readonly limit: number;
  readonly signal: AbortSignal;
  /** Takes the share (0..1) of the gallery that is done. */
  readonly onDone: (share: number) => void;
  /** Takes one line for every photo that was skipped. */
  readonly log: (line: string) => void;
}

/** Analyzes as many photos at a time as the engine has use for. A photo that is broken is skipped; of an id that is there several times the best score counts. */
export async function searchGallery(
  photos: readonly GalleryPhoto[],
  { engine, person, threshold, limit, signal, onDone, log }: SearchGalleryOptions,
): Promise<SearchMatch[]> {
  const scores = new Map<string, number>();
  let done = 0;
  let skipped = 0;

  await forEachConcurrently(photos, engine.capacity, async (photo) => {
    signal.throwIfAborted();
    const picture = await analyzePhoto(photo, engine, signal);
    if (picture instanceof ImageError) {
      skipped += 1;
      log(`Skipped photo ${photo.id}: ${picture.message}`);
    } else if (picture.faces.length > 0) {
      const score = engine.scoreOf(bestCosine(person, picture.faces));
      if (score >= threshold) scores.set(photo.id, Math.max(score, scores.get(photo.id) ?? 0));
    }
    done += 1;
    onDone(done / photos.length);
  });

  if (skipped > 0) log(`Skipped ${skipped} of ${photos.length} photos`);
  return rankMatches(scores, limit);
}

/** A broken photo is a result, as it does not end the search. */
async function analyzePhoto(
  photo: GalleryPhoto,
  engine: Engine,
  signal: AbortSignal,
): Promise<Picture | ImageError> {
  try {
    return await engine.analyze(await photo.source(), signal);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
}

/** Cosine similarity (-1..1) of the face that is most like the person; embeddings have length 1. */
function bestCosine(person: Float32Array, faces: readonly Face[]): number {
  return Math.max(...faces.map(({ embedding }) => dot(person, embedding)));
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i += 1) sum += (a[i] ?? 0) * (b[i] ?? 0);
  return sum;
}
