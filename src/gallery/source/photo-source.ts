import { IGNORED_FOLDERS } from '../../shared/ignored-folders.js';
import { parseS3Url, type S3Config } from '../../shared/s3-config.js';
import type { FileStamp } from '../store/file-table.js';
import { createFolderSource } from './folder-source.js';
import { createS3Source } from './s3-source.js';

/** The photos directly in one folder. */
export interface ListedFolder {
  /** Below the root of the source, with forward slashes. */
  readonly folder: string;
  /** Sorted by name. */
  readonly files: readonly FileStamp[];
}

/**
 * Takes one line for each kind of file and for each folder that a listing leaves out. `isPhoto` is false for what
 * holds no photos of people.
 */
export type Note = (line: string, isPhoto: boolean) => void;

/** Where the photos of `GALLERY_DIR` lie. A photo's id is its path below the root, with forward slashes. */
export interface PhotoSource {
  /** The shortest time between two listings of the same folder. */
  readonly listingIntervalMs: number;
  /** Why this machine cannot read the source, for its operators; `null` if it can. */
  check(): Promise<string | null>;
  /**
   * All photos below a folder, in a stable order, without hidden files and folders. Other work of the thread runs
   * meanwhile.
   *
   * @throws {JobError} `GALLERY_NOT_FOUND`
   * @throws {GalleryUnavailableError} the source cannot be read
   */
  list(stage: string, note: Note): Promise<ListedFolder[]>;
  /**
   * The number of photos directly in each folder that has some, the root (an empty path) included.
   *
   * @throws {GalleryUnavailableError} the source cannot be read
   */
  countByFolder(note: Note): Promise<ReadonlyMap<string, number>>;
  /**
   * The bytes of a photo, or `null` if there is no such file below the root.
   *
   * @throws {ImageError} it cannot be read, is empty, or is larger than `maxBytes`
   * @throws {GalleryUnavailableError} the source cannot be read
   */
  read(id: string, maxBytes: number): Promise<Buffer | null>;
}

/**
 * Reads nothing yet.
 *
 * @param dir `GALLERY_DIR`: a folder, or the URL of a bucket
 * @param ignoredFolders names in lower case
 */
export function openPhotoSource(
  dir: string,
  s3: S3Config,
  ignoredFolders: readonly string[] = IGNORED_FOLDERS,
): PhotoSource {
  const location = parseS3Url(dir);
  return location === null
    ? createFolderSource(dir, ignoredFolders)
    : createS3Source(location, s3, ignoredFolders);
}
