import { constants, type Dirent } from 'node:fs';
import { access, readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import { isIgnoredFolder, isPhoto, isUnreadPhoto } from '../../gallery/listing/file-kind.js';
import { type GalleryDirectory, openGalleryDirectory } from '../../gallery/listing/gallery-directory.js';
import { findGalleryProblem } from '../../gallery/listing/gallery-problem.js';
import { count } from '../terminal.js';
import { type Check, checksOf, withDeadline } from './check.js';

const MOUNT_TIMEOUT_MS = 10_000;
const COUNT_TIMEOUT_MS = 30_000;

const { ok, warning, error } = checksOf('gallery');

/** GALLERY_DIR: mounted, readable, how many photos, and which formats are not read. */
export async function checkGallery(
  { dir, excludedStage }: Config['gallery'],
  countTimeoutMs = COUNT_TIMEOUT_MS,
): Promise<Check[]> {
  if (dir === null)
    return [warning('GALLERY_DIR is not set: only jobs that bring their own photos can be searched.')];
  try {
    const away = `${dir} does not answer within ${MOUNT_TIMEOUT_MS / 1000} s: check the network drive.`;
    const problem = await withDeadline(findGalleryProblem(dir), MOUNT_TIMEOUT_MS, away);
    if (problem !== null) return [error(`${problem}: ${dir}`)];
    const directory = await openGalleryDirectory(dir);
    const found = await countPhotos(directory, '', performance.now() + countTimeoutMs);
    return [...describe(dir, found), ...(await checkExcluded(directory, excludedStage))];
  } catch (cause) {
    return [error(messageOf(cause))];
  }
}

interface Found {
  photos: number;
  /** Number of photos by the ending of their names, in lower case. */
  readonly unreadFormats: Map<string, number>;
  /** Files and folders without the right to read them. */
  readonly forbidden: string[];
  readonly isComplete: boolean;
}

/** Opens no file. A folder with several links to it is counted once. */
async function countPhotos(directory: GalleryDirectory, start: string, deadlineMs: number): Promise<Found> {
  const found: Found = { photos: 0, unreadFormats: new Map(), forbidden: [], isComplete: true };
  const visited = new Set<string>();
  const folders = [start];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    if (performance.now() > deadlineMs) return { ...found, isComplete: false };
    const realFolder = path.join(directory.root, folder);
    const resolved = await realpath(realFolder);
    if (!visited.has(resolved)) {
      visited.add(resolved);
      const entries = await readdir(realFolder, { withFileTypes: true }).catch(nullIfForbidden);
      if (entries === null) found.forbidden.push(realFolder);
      for (const entry of entries ?? []) {
        if (entry.name.startsWith('.') || isIgnoredFolder(entry.name)) continue;
        const place = path.posix.join(folder, entry.name);
        const kind = await kindOf(entry, place, directory);
        if (kind === 'folder') folders.push(place);
        else if (kind === 'file') await addFile(found, path.join(directory.root, place));
      }
    }
  }
  return found;
}

async function addFile(found: Found, file: string): Promise<void> {
  if (isUnreadPhoto(file)) {
    const ending = path.extname(file).toLowerCase();
    found.unreadFormats.set(ending, (found.unreadFormats.get(ending) ?? 0) + 1);
  } else if (isPhoto(file)) {
    found.photos += 1;
    if (!(await isReadable(file))) found.forbidden.push(file);
  }
}

async function kindOf(
  entry: Dirent,
  place: string,
  directory: GalleryDirectory,
): Promise<string | undefined> {
  if (entry.isFile()) return 'file';
  if (entry.isDirectory()) return 'folder';
  // A link, or a file system that does not report types.
  return (await directory.resolve(place))?.kind;
}

function nullIfForbidden(cause: NodeJS.ErrnoException): null {
  if (cause.code === 'EACCES' || cause.code === 'ENOENT') return null;
  throw cause;
}

function isReadable(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function describe(dir: string, { photos, unreadFormats, forbidden, isComplete }: Found): Check[] {
  const number = `${isComplete ? '' : 'at least '}${count(photos, 'photo')}`;
  const checks = [
    photos === 0 && isComplete
      ? error(`${dir} holds no photos: check the path, and whether it is mounted.`)
      : ok(`${number} in ${dir}.`),
  ];
  if (forbidden.length > 0) {
    checks.push(
      warning(
        `${count(forbidden.length, 'path')} cannot be read, for example ${forbidden[0]}: give this user the right.`,
      ),
    );
  }
  if (unreadFormats.size > 0) {
    const formats = [...unreadFormats].toSorted(([, a], [, b]) => b - a);
    const list = formats.map(([ending, files]) => `${files} ${ending}`).join(', ');
    checks.push(warning(`Photos in formats that are not read: ${list}. Add them as JPEG, too.`));
  }
  return checks;
}

/** While this folder is missing, workers take no jobs. */
async function checkExcluded(directory: GalleryDirectory, excludedStage: string | null): Promise<Check[]> {
  if (excludedStage === null) return [];
  if ((await directory.resolve(excludedStage))?.kind !== 'folder')
    return [error(`EXCLUDED_STAGE is no folder in GALLERY_DIR, so workers take no jobs: ${excludedStage}.`)];
  const { photos } = await countPhotos(directory, excludedStage, Infinity);
  return photos === 0
    ? [warning(`EXCLUDED_STAGE holds no photos, so no person is excluded: ${excludedStage}.`)]
    : [ok(`${count(photos, 'photo')} of people who are never found, in ${excludedStage}.`)];
}
