import { ImageError } from '../../shared/errors.js';
import type { Engine, Face, AnalyzedImage, ImageSource } from '../engine/engine.js';
import { contentHash } from '../../shared/content-hash.js';
import type { EmbeddingStore } from '../../gallery/store/embedding-store.js';
import type { FaceWriter } from '../../gallery/store/face-writer.js';
import { toFixedPoint } from '../../gallery/store/fixed-point.js';
import type { FaceRecord, PhotoRecord } from '../../gallery/store/photo-record.js';

export interface KnownPhoto {
  /** Hash of the photo's content. */
  readonly hash: string;
  readonly photo: PhotoRecord;
  /** It is not in the store yet. */
  readonly isNew: boolean;
}

/**
 * Finds a photo's faces: reads them from the store if any worker has computed them, or else computes them. The hash and
 * the faces are those of the same bytes.
 *
 * @throws {ImageError} the photo cannot be read; one that can be read but not decoded is a result
 * @throws the signal's reason once it has aborted
 */
export type FindFaces = (
  source: ImageSource,
  signal: AbortSignal,
  /** Whether a photo in the store will do. */
  accepts?: (photo: PhotoRecord) => boolean,
) => Promise<KnownPhoto>;

export function createFindFaces(engine: Engine, store: Pick<EmbeddingStore, 'read'>): FindFaces {
  return async (source, signal, accepts = () => true) => {
    const hash =
      source.kind === 'bytes' ? await contentHash(source.bytes) : await engine.identify(source, { signal });
    const [known] = await store.read([hash]);
    if (known !== undefined && known !== null && accepts(known)) return { hash, photo: known, isNew: false };
    signal.throwIfAborted();
    return { hash, photo: await analyze(engine, source, signal), isNew: true };
  };
}

/** As `findFaces`, but also stores new photos. */
export function createStoredFaces(findFaces: FindFaces, writer: FaceWriter): FindFaces {
  return async (source, signal) => {
    const found = await findFaces(source, signal);
    if (!found.isNew) return found;
    const written = await writer.write(new Map([[found.hash, found.photo]]));
    return { ...found, photo: written.get(found.hash) ?? found.photo };
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
