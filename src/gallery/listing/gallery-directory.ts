import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { ImageError, JobError } from '../../shared/errors.js';

/** The folder `GALLERY_DIR`, which nothing that a job names may leave: not by `..`, and not by a symbolic link. */
export interface GalleryDirectory {
  /** Its real path. */
  readonly root: string;
  /**
   * The real path of a picture file.
   *
   * @throws {ImageError} there is no such file, or it is not below the gallery folder; which of them is not told
   */
  resolveFile(relativePath: string): Promise<string>;
  /** `null` where there is nothing of that name below the gallery folder. */
  resolve(relativePath: string): Promise<ResolvedPath | null>;
}

export interface ResolvedPath {
  readonly realPath: string;
  readonly kind: 'file' | 'folder' | 'other';
}

/** @throws {JobError} `GALLERY_NOT_FOUND` */
export async function openGalleryDirectory(galleryDir: string): Promise<GalleryDirectory> {
  const root = await nullWhereMissing(realpath(galleryDir));
  if (root === null) {
    throw new JobError(
      'GALLERY_NOT_FOUND',
      'The gallery folder of this machine does not exist: check GALLERY_DIR, and that it is mounted.',
    );
  }

  const resolve = async (relativePath: string): Promise<ResolvedPath | null> => {
    if (!isPlainPath(relativePath)) return null;
    const realPath = await nullWhereMissing(realpath(path.join(root, relativePath)));
    if (realPath === null || !realPath.startsWith(root + path.sep)) return null;
    const stats = await nullWhereMissing(stat(realPath));
    if (stats === null) return null;
    // A pipe or a device would be read for ever.
    const kind = stats.isFile() ? 'file' : 'other';
    return { realPath, kind: stats.isDirectory() ? 'folder' : kind };
  };

  return {
    root,
    resolve,
    resolveFile: async (relativePath) => {
      const resolved = await resolve(relativePath);
      if (resolved?.kind !== 'file') throw new ImageError('It is not a file below the gallery folder.');
      return resolved.realPath;
    },
  };
}

/** Names with single forward slashes between them: no `..`, nothing absolute, nothing that another system reads as such. */
function isPlainPath(relativePath: string): boolean {
  // oxlint-disable-next-line no-control-regex -- a NUL byte ends a path for the operating system
  if (/[\\\u0000]/.test(relativePath)) return false;
  return relativePath.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Not there, a file where a folder is named, a circle of links, a name too long, not ours to see. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES']);

async function nullWhereMissing<T>(looked: Promise<T>): Promise<T | null> {
  try {
    return await looked;
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw error;
  }
}
