import { type Dirent, readdirSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { JobError } from '../../shared/errors.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import type { FileStamp } from '../store/file-table.js';
import { asUnavailable } from './gallery-problem.js';
import { isIgnoredFolder, isPhoto, isUnreadPhoto, isUsableName } from './file-kind.js';
import { type GalleryDirectory, type ResolvedPath } from './gallery-directory.js';

/** The scan lets other work run after this long. */
const YIELD_AFTER_MS = 5;

/** The photos directly in one folder. */
export interface ListedFolder {
  /** Relative to `GALLERY_DIR`, with forward slashes. */
  readonly folder: string;
  /** Sorted by name. */
  readonly files: readonly FileStamp[];
}

/**
 * All photos below a folder of the gallery, in a stable order, without hidden files and folders and without links
 * that leave the gallery. A folder with several links to it is listed once.
 *
 * Uses synchronous calls, because a file system that hangs would otherwise block libuv's threads, which the whole
 * process shares. Other work of its thread runs every few milliseconds.
 *
 * @param note takes one line for each kind of file and for each folder that is left out. `isPhoto` is false for what
 *   holds no photos of people
 * @throws {JobError} `GALLERY_NOT_FOUND`
 */
export async function listPhotos(
  directory: GalleryDirectory,
  stage: string,
  note: (line: string, isPhoto: boolean) => void,
): Promise<ListedFolder[]> {
  const start = withoutTrailingSlashes(stage);
  const resolved = isHidden(start) ? null : await directory.resolve(start);
  if (resolved?.kind !== 'folder') {
    throw new JobError(
      'GALLERY_NOT_FOUND',
      `The stage ${JSON.stringify(stage)} names no folder below the gallery folder of this machine.`,
      {
        sentence: `We could not find the photos of "${stage}". Please choose another event or try again later.`,
      },
    );
  }

  const listed: ListedFolder[] = [];
  const visited = new Set<string>();
  const leftOut = { ignored: 0, unread: 0, unusable: 0 };
  let yieldedMs = performance.now();

  const walk = async (folder: string, realFolder: string): Promise<void> => {
    if (visited.has(realFolder)) return;
    visited.add(realFolder);
    const folders = new Map<string, string>();
    const files: FileStamp[] = [];
    for (const entry of readdirSync(realFolder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      if (performance.now() - yieldedMs > YIELD_AFTER_MS) {
        await setImmediate();
        yieldedMs = performance.now();
      }
      if (!isUsableName(entry.name)) {
        leftOut.unusable += 1;
        continue;
      }
      if (isIgnoredFolder(entry.name)) {
        leftOut.ignored += 1;
        continue;
      }
      if (isUnreadPhoto(entry.name)) leftOut.unread += 1;
      const path = `${folder}/${entry.name}`;
      const target = await targetOf(entry, path, `${realFolder}/${entry.name}`, directory);
      if (target?.kind === 'folder') folders.set(path, target.realPath);
      else if (target?.kind === 'file' && isPhoto(entry.name)) {
        const file = stampOf(entry.name, target.realPath);
        if (file !== null) files.push(file);
      }
    }
    // The file system's own order differs from machine to machine.
    if (files.length > 0)
      listed.push({ folder, files: files.toSorted((a, b) => byCodeUnit(a.name, b.name)) });
    for (const [path, realPath] of [...folders].toSorted(([a], [b]) => byCodeUnit(a, b))) {
      await walk(path, realPath).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES' && error.code !== 'ENOENT') throw asUnavailable(error);
        note(`Left out folder ${path}: it cannot be read (${error.code})`, true);
      });
    }
  };
  await walk(start, resolved.realPath).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EACCES') throw asUnavailable(error);
    throw new JobError(
      'GALLERY_NOT_FOUND',
      'This machine has no permission to read the folder of the stage.',
    );
  });
  const { ignored, unread, unusable } = leftOut;
  if (unread > 0)
    note(`Left out ${unread} photos in formats that are not read, such as JPEG XL or raw`, true);
  if (unusable > 0) {
    note(`Left out ${unusable} names with backslashes, control characters or bytes that are not UTF-8`, true);
  }
  if (ignored > 0) note(`Left out ${ignored} folders of thumbnails, deleted files or system files`, false);
  return listed;
}

/** @returns `null` for a file that was deleted since its folder was read */
function stampOf(name: string, realPath: string): FileStamp | null {
  const stats = statSync(realPath, { throwIfNoEntry: false });
  return stats === undefined ? null : { name, sizeBytes: stats.size, changedMs: Math.floor(stats.mtimeMs) };
}

/** What an entry is, after following links. */
async function targetOf(
  entry: Dirent,
  path: string,
  realPath: string,
  directory: GalleryDirectory,
): Promise<ResolvedPath | null> {
  if (entry.isFile()) return { kind: 'file', realPath };
  if (entry.isDirectory()) return { kind: 'folder', realPath };
  // A link, or a file system that does not report types.
  return directory.resolve(path);
}

function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.'));
}

function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
