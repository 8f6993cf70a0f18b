import { realpath, stat } from 'node:fs/promises';
import path from 'node:path';
import { asUnavailable } from './folder-problem.js';
import { isPlainPath } from './stage-path.js';

export interface ResolvedPath {
  readonly realPath: string;
  readonly kind: 'file' | 'folder' | 'other';
}

/**
 * What a path below the gallery folder names, after following links. No path may leave the folder, neither by `..` nor
 * by a link.
 *
 * @param root the real path of the gallery folder
 * @returns `null` if nothing has that path below the gallery folder
 * @throws {GalleryUnavailableError} the file system fails
 */
export async function resolveBelow(root: string, relativePath: string): Promise<ResolvedPath | null> {
  if (!isPlainPath(relativePath)) return null;
  const inRoot = root.endsWith(path.sep) ? root : root + path.sep;
  const realPath = await nullIfMissing(realpath(path.join(root, relativePath)));
  if (realPath === null || !realPath.startsWith(inRoot)) return null;
  const stats = await nullIfMissing(stat(realPath));
  if (stats === null) return null;
  // Reading a pipe or a device might never end.
  const kind = stats.isFile() ? 'file' : 'other';
  return { realPath, kind: stats.isDirectory() ? 'folder' : kind };
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
