import type { Dirent } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { asUnavailable } from './folder-problem.js';
import { type ResolvedPath, resolveBelow } from './folder-path.js';
import { createLeftOut } from './left-out.js';
import type { Note } from './photo-source.js';
import { byCodeUnit } from './stage-path.js';

/** The walk lets other work run after this long. */
const YIELD_AFTER_MS = 5;

export interface WalkOptions {
  /** The real path of the gallery folder. */
  readonly root: string;
  readonly readFolder: (realPath: string) => Dirent[] | Promise<Dirent[]>;
  /** Names in lower case. */
  readonly ignoredFolders: readonly string[];
  readonly note: Note;
  /** Takes the photos, those of a folder one after another, in the file system's order. */
  readonly onPhoto: (folder: string, name: string, realPath: string) => void;
}

/**
 * Visits all photos below a folder, without hidden files and folders and without links that leave the gallery. A folder
 * with several links to it is visited once. A folder below `start` that is missing or closed is left out. Other work of
 * the thread runs every few milliseconds.
 *
 * @param start its path below the root (empty for the root itself), and its real path
 * @throws the file system's error if `start` cannot be read
 * @throws {GalleryUnavailableError} the file system fails
 */
export async function walkFolder(
  start: { readonly path: string; readonly realPath: string },
  { root, readFolder, ignoredFolders, note, onPhoto }: WalkOptions,
): Promise<void> {
  const visited = new Set<string>();
  const leftOut = createLeftOut(ignoredFolders);
  let yieldedMs = performance.now();

  const walk = async (folder: string, realFolder: string): Promise<void> => {
    if (visited.has(realFolder)) return;
    visited.add(realFolder);
    const folders = new Map<string, string>();
    for (const entry of await readFolder(realFolder)) {
      if (performance.now() - yieldedMs > YIELD_AFTER_MS) {
        await setImmediate();
        yieldedMs = performance.now();
      }
      if (!leftOut.admits(entry.name)) continue;
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      const target = await targetOf(entry, path, `${realFolder}/${entry.name}`, root);
      if (target?.kind === 'folder') folders.set(path, target.realPath);
      else if (target?.kind === 'file' && leftOut.isPhoto(entry.name)) {
        onPhoto(folder, entry.name, target.realPath);
      }
    }
    for (const [path, realPath] of [...folders].toSorted(([a], [b]) => byCodeUnit(a, b))) {
      await walk(path, realPath).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES' && error.code !== 'ENOENT') throw asUnavailable(error);
        note(`Left out folder ${path}: it cannot be read (${error.code})`, true);
      });
    }
  };
  await walk(start.path, start.realPath);
  leftOut.report(note);
}

/** What an entry is, after following links. */
async function targetOf(
  entry: Dirent,
  path: string,
  realPath: string,
  root: string,
): Promise<ResolvedPath | null> {
  if (entry.isFile()) return { kind: 'file', realPath };
  if (entry.isDirectory()) return { kind: 'folder', realPath };
  // A link, or a file system that does not report types.
  return resolveBelow(root, path);
}
