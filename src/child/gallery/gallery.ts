import type { Config } from '../../shared/config.js';
import { JobError } from '../../shared/errors.js';
import type { GalleryEntry, GallerySource } from '../../shared/job.js';
import type { PictureSource } from '../inference/engine.js';
import { type GalleryDirectory, openGalleryDirectory } from './gallery-directory.js';
import { listPictures } from './list-pictures.js';

/** One photo to be searched. Its file is looked up only when its turn has come. */
export interface GalleryPhoto {
  readonly id: string;
  /** @throws {ImageError} it is not a file below `GALLERY_DIR` */
  source(): Promise<PictureSource>;
}

export interface OpenGalleryOptions {
  readonly settings: Pick<Config['jobs'], 'galleryDir' | 'maxGalleryImages'>;
  readonly signal: AbortSignal;
  /** Takes one line for the job's log for every folder that was left out. */
  readonly log: (line: string) => void;
}

/**
 * The photos of a job's gallery, in a stable order. An id may be there several times.
 *
 * @throws {JobError} `GALLERY_NOT_FOUND`, or `INVALID_JOB` where it has too many inline pictures
 */
export async function openGallery(
  source: GallerySource,
  options: OpenGalleryOptions,
): Promise<readonly GalleryPhoto[]> {
  switch (source.kind) {
    case 'list':
      return openList(source.entries, options.settings);
    case 'folder': {
      const directory = await openDirectory(options.settings.galleryDir);
      const paths = await listPictures(directory, source.stage, options);
      return paths.map((path) => filePhoto(directory, path, path));
    }
  }
}

async function openList(
  entries: readonly GalleryEntry[],
  { galleryDir, maxGalleryImages }: OpenGalleryOptions['settings'],
): Promise<readonly GalleryPhoto[]> {
  const inlineCount = entries.filter((entry) => 'image' in entry).length;
  if (inlineCount > maxGalleryImages) {
    throw new JobError(
      'INVALID_JOB',
      `The gallery may have up to ${maxGalleryImages} inline pictures (MAX_GALLERY_IMAGES) and has ${inlineCount}.`,
    );
  }
  // Asked for once, and only where an entry needs it.
  const directory = inlineCount < entries.length ? await openDirectory(galleryDir) : null;
  return entries.map((entry) =>
    'image' in entry
      ? { id: entry.id, source: async () => ({ kind: 'base64', text: entry.image }) }
      : filePhoto(directory as GalleryDirectory, entry.id, entry.path),
  );
}

function filePhoto(directory: GalleryDirectory, id: string, path: string): GalleryPhoto {
  return { id, source: async () => ({ kind: 'file', path: await directory.resolveFile(path) }) };
}

async function openDirectory(galleryDir: string | null): Promise<GalleryDirectory> {
  if (galleryDir === null) {
    throw new JobError(
      'GALLERY_NOT_FOUND',
      'This machine has no gallery folder: set GALLERY_DIR, or give the pictures in the job.',
    );
  }
  return openGalleryDirectory(galleryDir);
}
