import { ImageError, JobError } from '../../shared/errors.js';
import type { GalleryEntry } from '../../shared/job.js';
import type { ImageSource } from '../engine/engine.js';
import type { PhotoSource } from '../../gallery/source/photo-source.js';

/** One photo that a job names. It is read only when the search reaches it. */
export interface ListedPhoto {
  readonly id: string;
  /** @throws {ImageError} if it is not a file below `GALLERY_DIR` */
  source(): Promise<ImageSource>;
}

export interface ListOptions {
  /** `null` on a machine without a gallery folder. */
  readonly photos: PhotoSource | null;
  readonly maxGalleryImages: number;
  readonly maxImageBytes: number;
}

/**
 * The photos that a job sends or names one by one, in their order. An id may occur several times.
 *
 * @throws {JobError} `GALLERY_NOT_FOUND`, or `INVALID_JOB` for too many inline photos
 */
export function openListedPhotos(
  entries: readonly GalleryEntry[],
  { photos, maxGalleryImages, maxImageBytes }: ListOptions,
): readonly ListedPhoto[] {
  const inlineCount = entries.filter((entry) => 'image' in entry).length;
  if (inlineCount > maxGalleryImages) {
    throw new JobError(
      'INVALID_JOB',
      `The gallery has ${inlineCount} inline photos; at most ${maxGalleryImages} are allowed (MAX_GALLERY_IMAGES).`,
    );
  }
  return entries.map((entry) => {
    if ('image' in entry) {
      return { id: entry.id, source: async () => ({ kind: 'base64', text: entry.image }) };
    }
    if (photos === null) throw noGalleryDirectory();
    return { id: entry.id, source: () => readSource(photos, entry.path, maxImageBytes) };
  });
}

async function readSource(photos: PhotoSource, path: string, maxImageBytes: number): Promise<ImageSource> {
  const bytes = await photos.read(path, maxImageBytes);
  if (bytes === null) throw new ImageError('It is not a file below the gallery folder.');
  return { kind: 'bytes', bytes };
}

export function noGalleryDirectory(): JobError {
  return new JobError(
    'GALLERY_NOT_FOUND',
    'This machine has no gallery folder: set GALLERY_DIR, or send the photos in the job.',
  );
}
