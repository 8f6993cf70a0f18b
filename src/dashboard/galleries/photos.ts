import sharp from 'sharp';
import { openGalleryDirectory } from '../../gallery/listing/gallery-directory.js';
import type { Config } from '../../shared/config.js';
import { ImageError } from '../../shared/errors.js';
import type { Queue } from 'bullmq';
import { notFound } from '../api/api-error.js';
import { matchesOf, pathOf } from '../jobs/job-view.js';
import { findJob } from '../jobs/searches.js';

/** Longer side: sharp enough for a screen, small enough for a page of them. */
const SIZE_PX = 1024;
const QUALITY = 80;

/**
 * A photo of a search's result, as JPEG (sRGB, upright), at most 1,024 px on the longer side and without what the
 * camera wrote into it. Only what is in a result can be seen, and only below `GALLERY_DIR`.
 *
 * @param rank 0 for the best match
 * @throws {ApiError} `NOT_FOUND`
 */
export async function readPhoto(queue: Queue, config: Config, id: string, rank: number): Promise<Buffer> {
  const job = await findJob(queue, id);
  const match = matchesOf(job)?.[rank];
  const path = match === undefined ? null : pathOf(job, match.id);
  const { dir } = config.gallery;
  if (path === null || dir === null) throw noPhoto();
  try {
    const directory = await openGalleryDirectory(dir);
    const file = await directory.resolveFile(path);
    return await sharp(file, { limitInputPixels: config.engine.maxImagePixels, failOn: 'none' })
      .rotate()
      .resize(SIZE_PX, SIZE_PX, { fit: 'inside', withoutEnlargement: true })
      .jpeg({ quality: QUALITY })
      .toBuffer();
  } catch (error) {
    if (error instanceof ImageError || isUnreadable(error)) throw noPhoto();
    throw error;
  }
}

/** What sharp says of a file that is no picture, or a broken one. */
function isUnreadable(error: unknown): boolean {
  return (
    error instanceof Error &&
    /unsupported image format|Input (file|buffer)|VipsJpeg|pngload|exceeds pixel limit/i.test(error.message)
  );
}

function noPhoto(): Error {
  return notFound('The photo cannot be shown here.');
}
