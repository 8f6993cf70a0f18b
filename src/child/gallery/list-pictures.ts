import type { Dirent } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { JobError } from '../../shared/errors.js';
import type { GalleryDirectory, ResolvedPath } from './gallery-directory.js';

/** What sharp's prebuilt libvips decodes, https://sharp.pixelplumbing.com/install/#prebuilt-binaries (no HEIC). */
const PICTURE = /\.(jpe?g|png|webp|avif|gif|tiff?)$/i;
/** Entries that are read from a folder at a time: between two reads the event loop is free. */
const ENTRIES_PER_READ = 256;

export interface ListPicturesOptions {
  readonly signal: AbortSignal;
  /** Takes one line for every folder that was left out. */
  readonly log: (line: string) => void;
}

/**
 * Paths of all pictures below a folder of the gallery, relative to `GALLERY_DIR`, with forward slashes, in a
 * stable order. Hidden files and folders are left out, and links that lead out of the gallery. A folder that
 * several links lead to is listed once.
 *
 * @throws {JobError} `GALLERY_NOT_FOUND`
 */
export async function listPictures(
  directory: GalleryDirectory,
  stage: string,
  { signal, log }: ListPicturesOptions,
): Promise<string[]> {
  const start = stage.replace(/\/+$/, '');
  const resolved = isHidden(start) ? null : await directory.resolve(start);
  if (resolved?.kind !== 'folder') {
    throw new JobError(
      'GALLERY_NOT_FOUND',
      'The stage names no folder below the gallery folder of this machine.',
    );
  }

  const pictures: string[] = [];
  const visited = new Set<string>();

  const walk = async (folder: string, realFolder: string): Promise<void> => {
    if (visited.has(realFolder)) return;
    visited.add(realFolder);
    const folders = new Map<string, string>();
    const found: string[] = [];
    for await (const entry of await opendir(realFolder, { bufferSize: ENTRIES_PER_READ })) {
      signal.throwIfAborted();
      if (entry.name.startsWith('.')) continue;
      const path = `${folder}/${entry.name}`;
      const target = await targetOf(entry, path, `${realFolder}/${entry.name}`, directory);
      if (target?.kind === 'folder') folders.set(path, target.realPath);
      else if (target?.kind === 'file' && PICTURE.test(entry.name)) found.push(path);
    }
    // Names come in the file system's order, which differs from machine to machine.
    for (const path of found.toSorted(byCodeUnit)) pictures.push(path);
    for (const [path, realPath] of [...folders].toSorted(([a], [b]) => byCodeUnit(a, b))) {
      await walk(path, realPath).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EACCES' && error.code !== 'ENOENT') throw error;
        log(`Left out folder ${path}: it cannot be read (${error.code})`);
      });
    }
  };
  await walk(start, resolved.realPath);
  return pictures;
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
