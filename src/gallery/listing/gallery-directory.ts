import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { GalleryUnavailableError, ImageError } from '../../shared/errors.js';
import { asUnavailable, findGalleryProblem } from './gallery-problem.js';

/** The folder `GALLERY_DIR`. No path of a job may leave it, neither by `..` nor by a symbolic link. */
export interface GalleryDirectory {
  /** Its real path. */
  readonly root: string;
  /**
   * The real path of a photo file.
   *
   * @throws {ImageError} there is no such file below the gallery folder
   */
  resolveFile(relativePath: string): Promise<string>;
  /** @returns `null` if nothing has that path below the gallery folder */
  resolve(relativePath: string): Promise<ResolvedPath | null>;
}

export interface ResolvedPath {
  readonly realPath: string;
  readonly kind: 'file' | 'folder' | 'other';
}

/** @throws {GalleryUnavailableError} the folder is missing, empty or unreadable */
export async function openGalleryDirectory(galleryDir: string): Promise<GalleryDirectory> {
  const problem = await findGalleryProblem(galleryDir);
  if (problem !== null) throw new GalleryUnavailableError(problem);
  const root = await realpath(galleryDir);
  const inRoot = root.endsWith(path.sep) ? root : root + path.sep;

  const resolve = async (relativePath: string): Promise<ResolvedPath | null> => {
    if (!isPlainPath(relativePath)) return null;
    const realPath = await nullIfMissing(realpath(path.join(root, relativePath)));
    if (realPath === null || !realPath.startsWith(inRoot)) return null;
    const stats = await nullIfMissing(stat(realPath));
    if (stats === null) return null;
    // Reading a pipe or a device might never end.
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

/** A relative path of names and single forward slashes, without `..` and without anything that Windows treats as a path. */
function isPlainPath(relativePath: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the operating system ends a path at a NUL byte
  if (/[\\\u0000]/.test(relativePath)) return false;
  return relativePath.split('/').every((name) => name !== '' && name !== '.' && name !== '..');
}

/** Missing, a file instead of a folder, a loop of links, a name that is too long, no permission. */
const MISSING: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENAMETOOLONG', 'EACCES']);

async function nullIfMissing<T>(result: Promise<T>): Promise<T | null> {
  try {
    return await result;
  } catch (error) {
    if (MISSING.has((error as NodeJS.ErrnoException).code ?? '')) return null;
    throw asUnavailable(error);
  }
}
