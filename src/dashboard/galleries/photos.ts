import { renderPhoto } from '../../gallery/render-photo.js';
import { createBoundedSource } from '../../gallery/source/bounded-source.js';
import { openPhotoSource } from '../../gallery/source/photo-source.js';
import type { Config } from '../../shared/config.js';
import { ImageError } from '../../shared/errors.js';
import { notFound } from '../api/api-error.js';
import { readJobHead } from '../jobs/job-head.js';
import { pathsOf, readJobContent } from '../jobs/job-view.js';
import type { SearchPlace } from '../jobs/searches.js';

/** Longer side: enough for a screen, and small enough for a page with many photos. */
const SIZE_PX = 1024;
/** Results whose paths are remembered: a page asks for its photos one by one. */
const MAX_RESULTS = 32;

interface KnownResult {
  readonly endedAt: number | null;
  readonly paths: readonly (string | null)[];
}

/**
 * Renders photos of a search's result as JPEG (sRGB, upright), at most 1,024 px on the longer side and without metadata.
 * It serves only files below `GALLERY_DIR` that are in the result and in a format that the engine reads.
 *
 * @returns a function that takes the id of a search and the rank of a match, 0 for the best. It throws `NOT_FOUND`.
 */
export function createPhotoReader(
  { queue, redis }: SearchPlace,
  { gallery, engine }: Config,
): (id: string, rank: number) => Promise<Buffer> {
  const results = new Map<string, KnownResult>();
  const source =
    gallery.dir === null
      ? null
      : createBoundedSource(openPhotoSource(gallery.dir, gallery.s3, gallery.ignoredFolders));

  const pathsIn = async (id: string): Promise<readonly (string | null)[]> => {
    const head = await readJobHead(redis, queue, id);
    if (head === null) throw noPhoto();
    const known = results.get(id);
    if (known !== undefined && known.endedAt === head.ended_at) return known.paths;
    const paths = pathsOf(await readJobContent(redis, queue, id));
    if (head.ended_at === null) return paths;
    results.delete(id);
    results.set(id, { endedAt: head.ended_at, paths });
    const [oldest] = results.keys();
    if (results.size > MAX_RESULTS && oldest !== undefined) results.delete(oldest);
    return paths;
  };

  return async (id, rank) => {
    const path = (await pathsIn(id))[rank] ?? null;
    if (path === null || source === null) throw noPhoto();
    try {
      const bytes = await source.read(path, engine.maxImageBytes);
      if (bytes === null) throw noPhoto();
      return await renderPhoto(bytes, { sizePx: SIZE_PX, maxPixels: engine.maxImagePixels });
    } catch (error) {
      // The file has gone, is broken, or takes too long; what sharp says of it does not help.
      if (error instanceof ImageError || isImageFault(error)) throw noPhoto();
      throw error;
    }
  };
}

/** Faults of the file. Those of the machine (too many open files, no memory) are not. */
const FILE_FAULTS: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'EPERM', 'EISDIR', 'EIO', 'ESTALE']);

function isImageFault(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  // sharp's errors have no code.
  return code === undefined ? !('statusCode' in error) : FILE_FAULTS.has(code);
}

function noPhoto(): Error {
  return notFound('The photo cannot be shown here.');
}
