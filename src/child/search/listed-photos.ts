import type { Config } from '../../shared/config.js';
import { JobError } from '../../shared/errors.js';
import type { GalleryEntry } from '../../shared/job.js';
import type { ImageSource } from '../engine/engine.js';
import { type GalleryDirectory, openGalleryDirectory } from '../../gallery/listing/gallery-directory.js';

/** One photo that a job names. Its file is opened only when the search reaches it. */
export interface ListedPhoto {
  readonly id: string;
  /** @throws {ImageError} if it is not a file below `GALLERY_DIR` */
  source(): Promise<ImageSource>;
}

export interface ListOptions {
  /** `null` on a machine without a gallery folder. */
  readonly galleryDir: Config['gallery']['dir'];
  readonly maxGalleryImages: number;
}

/**
 * The photos that a job sends or names one by one, in their order. An id may occur several times.
 *
 * @throws {JobError} `GALLERY_NOT_FOUND`, or `INVALID_JOB` for too many inline photos
 */
export async function openListedPhotos(
  entries: readonly GalleryEntry[],
  { galleryDir, maxGalleryImages }: ListOptions,
): Promise<readonly ListedPhoto[]> {
  const inlineCount = entries.filter((entry) => 'image' in entry).length;
  if (inlineCount > maxGalleryImages) {
    throw new JobError(
      'INVALID_JOB',
      `The gallery has ${inlineCount} inline photos; at most ${maxGalleryImages} are allowed (MAX_GALLERY_IMAGES).`,
    );
  }
  // Opened once, and only if an entry needs it.
  const directory = inlineCount < entries.length ? await openDirectory(galleryDir) : null;
  return entries.map((entry) =>
    'image' in entry
      ? { id: entry.id, source: async () => ({ kind: 'base64', text: entry.image }) }
      : filePhoto(directory as GalleryDirectory, entry.id, entry.path),
  );
}

function filePhoto(directory: GalleryDirectory, id: string, path: string): ListedPhoto {
  return { id, source: async () => ({ kind: 'file', path: await directory.resolveFile(path) }) };
}

async function openDirectory(galleryDir: string | null): Promise<GalleryDirectory> {
  if (galleryDir === null) throw noGalleryDirectory();
  return openGalleryDirectory(galleryDir);
}

export function noGalleryDirectory(): JobError {
  return new JobError(
    'GALLERY_NOT_FOUND',
    'This machine has no gallery folder: set GALLERY_DIR, or send the photos in the job.',
  );
}
