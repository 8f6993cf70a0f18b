import { ImageError } from '../../shared/errors.js';
import type { Engine, Face, AnalyzedImage, ImageSource } from '../engine/engine.js';
import type { EmbeddingStore } from '../../gallery/store/embedding-store.js';
import { toFixedPoint } from '../../gallery/store/fixed-point.js';
import type { FaceRecord, PhotoRecord } from '../../gallery/store/photo-record.js';

export interface KnownPhoto {
  /** Hash of the photo's content. */
  readonly hash: string;
  readonly photo: PhotoRecord;
}

/**
 * Finds a photo's faces: reads them from the store if any worker has computed them, or else computes and stores them.
 *
 * @throws {ImageError} the photo cannot be read; one that can be read but not decoded is a result
 * @throws the signal's reason once it has aborted
 */
export type FindFaces = (source: ImageSource, signal: AbortSignal) => Promise<KnownPhoto>;

export function createFindFaces(engine: Engine, store: EmbeddingStore): FindFaces {
  return async (source, signal) => {
    const hash = await engine.identify(source, { signal });
    const [known] = await store.read([hash]);
    if (known !== undefined && known !== null) return { hash, photo: known };
    const photo = await analyze(engine, source, signal);
    await store.write(hash, photo);
    return { hash, photo };
  };
}

async function analyze(engine: Engine, source: ImageSource, signal: AbortSignal): Promise<PhotoRecord> {
  try {
    return recordOf(await engine.analyze(source, { signal }));
  } catch (error) {
    if (error instanceof ImageError) return { kind: 'broken', message: error.message };
    throw error;
  }
}

function recordOf({ widthPx, heightPx, faces }: AnalyzedImage): PhotoRecord {
  return { kind: 'faces', widthPx, heightPx, faces: faces.map(faceRecordOf) };
}

function faceRecordOf({ box, landmarks, score, sharpness, embedding }: Face): FaceRecord {
  return { box, landmarks, score, sharpness, embedding: toFixedPoint(embedding) };
}
