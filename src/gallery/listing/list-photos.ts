import { type Dirent, readdirSync, statSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { JobError } from '../../shared/errors.js';
import type { FileStamp } from '../store/file-table.js';
import type { GalleryDirectory, ResolvedPath } from './gallery-directory.js';

/** What sharp's prebuilt libvips decodes, https://sharp.pixelplumbing.com/install/#prebuilt-binaries (no HEIC). */
const PICTURE = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;

export function isPhoto(fileName: string): boolean {
  return PICTURE.test(fileName);
}

/** The pictures that lie directly in one folder. */
export interface ListedFolder {
  /** Relative to `GALLERY_DIR`, with forward slashes. */
  readonly folder: string;
  /** In the order of their names. */
  readonly files: readonly FileStamp[];
}

/**
 * All pictures below a folder of the gallery, in a stable order. Hidden files and folders are left out, and
 * links that lead out of the gallery. A folder that several links lead to is listed once.
 *
 * It reads each folder at one go, which blocks its thread: made for one that has nothing else to do.
 *
 * @param note takes one line for every folder that was left out
 * @throws {JobError} `GALLERY_NOT_FOUND`
 */
export async function listPhotos(
  directory: GalleryDirectory,
  stage: string,
  note: (line: string) => void,
): Promise<ListedFolder[]> {
  const start = stage.replace(/\/+$/, '');
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

  const walk = async (folder: string, realFolder: string): Promise<void> => {
    if (visited.has(realFolder)) return;
    visited.add(realFolder);
    await setImmediate();
    const folders = new Map<string, string>();
    const files: FileStamp[] = [];
    for (const entry of readdirSync(realFolder, { withFileTypes: true })) {
      if (entry.name.startsWith('.')) continue;
      const path = `${folder}/${entry.name}`;
      const target = await targetOf(entry, path, `${realFolder}/${entry.name}`, directory);
      if (target?.kind === 'folder') folders.set(path, target.realPath);
      else if (target?.kind === 'file' && isPhoto(entry.name)) {
        const file = stampOf(entry.name, target.realPath);
        if (file !== null) files.push(file);
      }
    }
    // Names come in the file system's order, which differs from machine to machine.
    if (files.length > 0)
      listed.push({ folder, files: files.toSorted((a, b) => byCodeUnit(a.name, b.name)) });
    for (const [path, realPath] of [...folders].toSorted(([a], [b]) => byCodeUnit(a, b))) {
      await walk(path, realPath).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES' && error.code !== 'ENOENT') throw error;
        note(`Left out folder ${path}: it cannot be read (${error.code})`);
      });
    }
  };
  await walk(start, resolved.realPath);
  return listed;
}

/** `null` for a file that has gone since its folder was read. */
function stampOf(name: string, realPath: string): FileStamp | null {
  const stats = statSync(realPath, { throwIfNoEntry: false });
  return stats === undefined ? null : { name, sizeBytes: stats.size, changedMs: Math.floor(stats.mtimeMs) };
}

/** What an entry is, or the link that it is leads to. */
async function targetOf(
  entry: Dirent,
  path: string,
  realPath: string,
  directory: GalleryDirectory,
): Promise<ResolvedPath | null> {
  if (entry.isFile()) return { kind: 'file', realPath };
  if (entry.isDirectory()) return { kind: 'folder', realPath };
  // A link, or a file system that does not tell.
  return directory.resolve(path);
}

function isHidden(path: string): boolean {
  return path.split('/').some((name) => name.startsWith('.'));
}

function byCodeUnit(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
