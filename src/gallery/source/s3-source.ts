import { GalleryUnavailableError, ImageError } from '../../shared/errors.js';
import { createLimit } from '../../shared/limit.js';
import type { S3Config, S3Location } from '../../shared/s3-config.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import type { FileStamp } from '../store/file-table.js';
import { createLeftOut } from './left-out.js';
import type { Note, PhotoSource } from './photo-source.js';
import { createS3Objects, type S3Object } from './s3-objects.js';
import { describeS3Failure, isAccessDenied, isMissing, isUnreadableObject } from './s3-problem.js';
import { byCodeUnit, comparePaths, isHidden, isPlainPath, stageNotFound } from './stage-path.js';

/** Requests cost money and time, so listings and checks are rarer than those of a folder. */
const LISTING_INTERVAL_MS = 30_000;
const CHECK_INTERVAL_MS = 60_000;
/** A check must fail before its caller takes it for hung. */
const CHECK_DEADLINE_MS = 8000;
/** Downloads of this process at a time, which bounds their memory. */
const DOWNLOADS_AT_A_TIME = 8;
/** If an object could be read within this time, a refusal concerns one object and not the whole bucket. */
const RECENTLY_MS = 600_000;

/** Photos in a bucket of an S3-compatible store. A photo's id is its key below the prefix. */
export function createS3Source(
  { bucket, prefix }: S3Location,
  config: S3Config,
  ignoredFolders: readonly string[],
): PhotoSource {
  const objects = createS3Objects(bucket, config);
  const limitDownloads = createLimit(DOWNLOADS_AT_A_TIME);
  let lastAnswerMs = -Infinity;
  let lastReadMs = -Infinity;

  const describe = (error: unknown): string => describeS3Failure(error, { bucket, config });
  const unavailable = (error: unknown): GalleryUnavailableError =>
    new GalleryUnavailableError(describe(error));

  const check = async (): Promise<string | null> => {
    if (performance.now() - lastAnswerMs < CHECK_INTERVAL_MS) return null;
    const signal = AbortSignal.timeout(CHECK_DEADLINE_MS);
    try {
      const first = await objects.first(prefix, signal);
      if (first === null)
        return `GALLERY_DIR is empty; check the prefix "${prefix}" in the bucket "${bucket}"`;
      await objects.head(first.key, signal).catch((error: unknown) => {
        // It was deleted since.
        if (!isMissing(error)) throw error;
      });
      lastAnswerMs = performance.now();
      return null;
    } catch (error) {
      return describe(error);
    }
  };

  /** Calls `onPhoto` for all photos below a folder. @returns the number of objects there */
  const walk = async (
    folder: string,
    note: Note,
    onPhoto: (folder: string, name: string, object: S3Object) => void,
  ): Promise<number> => {
    const leftOut = createLeftOut(ignoredFolders);
    const admitted = new Map<string, boolean>([['', true]]);
    const admits = (path: string): boolean => {
      const known = admitted.get(path);
      if (known !== undefined) return known;
      const slash = path.lastIndexOf('/');
      const isAdmitted = admits(path.slice(0, Math.max(0, slash))) && leftOut.admits(path.slice(slash + 1));
      admitted.set(path, isAdmitted);
      return isAdmitted;
    };
    const start = folder === '' ? prefix : `${prefix}${folder}/`;
    let count = 0;
    try {
      for await (const page of objects.pages(start)) {
        count += page.length;
        for (const object of page) {
          const id = object.key.slice(prefix.length);
          const slash = id.lastIndexOf('/');
          const name = id.slice(slash + 1);
          // A key that ends with a slash stands for an empty folder.
          if (name === '') continue;
          const path = slash === 0 ? '/' : id.slice(0, Math.max(0, slash));
          if (admits(path) && leftOut.admits(name) && leftOut.isPhoto(name)) onPhoto(path, name, object);
        }
      }
    } catch (error) {
      lastAnswerMs = -Infinity;
      throw unavailable(error);
    }
    lastAnswerMs = performance.now();
    leftOut.report(note);
    return count;
  };

  const failUnlessReadable = async (): Promise<void> => {
    lastAnswerMs = -Infinity;
    const problem = await check();
    if (problem !== null) throw new GalleryUnavailableError(problem);
  };

  const readNow = async (id: string, maxBytes: number): Promise<Buffer | null> => {
    try {
      const bytes = await objects.get(`${prefix}${id}`, maxBytes);
      lastReadMs = lastAnswerMs = performance.now();
      return bytes;
    } catch (error) {
      if (error instanceof ImageError) throw error;
      if (isMissing(error)) return null;
      const isOneObject =
        isUnreadableObject(error) || (isAccessDenied(error) && performance.now() - lastReadMs < RECENTLY_MS);
      if (!isOneObject) throw unavailable(error);
      const { name } = error as Error;
      throw new ImageError(`The image cannot be read (${name}).`, 'unreadable', { cause: error });
    }
  };

  return {
    listingIntervalMs: LISTING_INTERVAL_MS,
    check,
    list: async (stage, note) => {
      const folder = withoutTrailingSlashes(stage);
      const filesOf = new Map<string, FileStamp[]>();
      const isPossible = isPlainPath(folder) && !isHidden(folder);
      const found = isPossible
        ? await walk(folder, note, (path, name, { sizeBytes, changedMs, etag }) => {
            const file = { name, sizeBytes, changedMs, ...(etag !== undefined && { etag }) };
            const files = filesOf.get(path);
            if (files === undefined) filesOf.set(path, [file]);
            else files.push(file);
          })
        : 0;
      if (found === 0) {
        await failUnlessReadable();
        throw stageNotFound(stage);
      }
      return [...filesOf]
        .map(([path, files]) => ({
          folder: path,
          files: files.toSorted((a, b) => byCodeUnit(a.name, b.name)),
        }))
        .toSorted((a, b) => comparePaths(a.folder, b.folder));
    },
    countByFolder: async (note) => {
      const counts = new Map<string, number>();
      const found = await walk('', note, (path) => counts.set(path, (counts.get(path) ?? 0) + 1));
      if (found === 0) await failUnlessReadable();
      return counts;
    },
    read: async (id, maxBytes) => (isPlainPath(id) ? limitDownloads(() => readNow(id, maxBytes)) : null),
  };
}
