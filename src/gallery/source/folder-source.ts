import { type Dirent, readdirSync, statSync } from 'node:fs';
import { type FileHandle, open, readdir, realpath } from 'node:fs/promises';
import { GalleryUnavailableError, ImageError, JobError } from '../../shared/errors.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import type { FileStamp } from '../store/file-table.js';
import { asUnavailable, findFolderProblem } from './folder-problem.js';
import { resolveBelow } from './folder-path.js';
import type { PhotoSource } from './photo-source.js';
import { byCodeUnit, isHidden, stageNotFound } from './stage-path.js';
import { walkFolder } from './walk-folder.js';

/** The file is gone or not readable. Other errors are faults of the machine, and a retry may succeed. */
const FILE_FAULTS: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM', 'ELOOP', 'EISDIR']);

const LISTING_INTERVAL_MS = 1000;

/** Photos in a folder of this machine, for example a network mount. */
export function createFolderSource(galleryDir: string, ignoredFolders: readonly string[]): PhotoSource {
  /** @throws {GalleryUnavailableError} the folder is missing, empty or unreadable */
  const openRoot = async (): Promise<string> => {
    const problem = await findFolderProblem(galleryDir);
    if (problem !== null) throw new GalleryUnavailableError(problem);
    return realpath(galleryDir);
  };

  return {
    listingIntervalMs: LISTING_INTERVAL_MS,
    check: () => findFolderProblem(galleryDir),
    list: async (stage, note) => {
      const root = await openRoot();
      const path = withoutTrailingSlashes(stage);
      const resolved = isHidden(path) ? null : await resolveBelow(root, path);
      if (resolved?.kind !== 'folder') throw stageNotFound(stage);
      const filesOf = new Map<string, FileStamp[]>();
      await walkFolder(
        { path, realPath: resolved.realPath },
        {
          root,
          readFolder: readFolderSync,
          ignoredFolders,
          note,
          onPhoto: (folder, name, realPath) => {
            const file = stampOf(name, realPath);
            if (file === null) return;
            const files = filesOf.get(folder);
            if (files === undefined) filesOf.set(folder, [file]);
            else files.push(file);
          },
        },
      ).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES') throw asUnavailable(error);
        throw new JobError(
          'GALLERY_NOT_FOUND',
          'This machine has no permission to read the folder of the stage.',
        );
      });
      return [...filesOf].map(([folder, files]) => ({ folder, files: files.toSorted(byName) }));
    },
    countByFolder: async (note) => {
      const root = await openRoot();
      const counts = new Map<string, number>();
      await walkFolder(
        { path: '', realPath: root },
        {
          root,
          readFolder: (folder) => readdir(folder, { withFileTypes: true }),
          ignoredFolders,
          note,
          onPhoto: (folder) => counts.set(folder, (counts.get(folder) ?? 0) + 1),
        },
      ).catch((error: unknown) => {
        throw asUnavailable(error);
      });
      return counts;
    },
    read: async (id, maxBytes) => {
      const root = await realpath(galleryDir).catch(() => null);
      const resolved = root === null ? null : await resolveBelow(root, id);
      if (resolved?.kind === 'file') return readPhoto(resolved.realPath, maxBytes);
      // An unmounted folder must not look like a deleted photo.
      await openRoot();
      return null;
    },
  };
}

/**
 * Synchronous, because a file system that hangs would otherwise block libuv's threads, which the whole process shares.
 */
function readFolderSync(folder: string): Dirent[] {
  return readdirSync(folder, { withFileTypes: true });
}

function byName(a: FileStamp, b: FileStamp): number {
  return byCodeUnit(a.name, b.name);
}

/** @returns `null` for a file that was deleted since its folder was read */
function stampOf(name: string, realPath: string): FileStamp | null {
  const stats = statSync(realPath, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  return { name, sizeBytes: stats.size, changedMs: Math.floor(stats.mtimeMs), ctimeMs: stats.ctimeMs };
}

async function readPhoto(realPath: string, maxBytes: number): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(realPath);
    const { size } = await handle.stat();
    if (size === 0) throw new ImageError('The image is empty.');
    if (size > maxBytes) {
      throw new ImageError(`The image has ${size} bytes; at most ${maxBytes} are allowed.`, 'too-large');
    }
    return await handle.readFile();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined || !FILE_FAULTS.has(code)) throw error;
    throw new ImageError(`The image cannot be read (${code}).`, 'unreadable', { cause: error });
  } finally {
    await handle?.close();
  }
}
