import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import pMap from 'p-map';
import { GalleryUnavailableError, ImageError, messageOf } from '../../shared/errors.js';
import {
  type IndexedBatch,
  type IndexFile,
  MAX_BATCH_CRASHES,
  parseIndexJob,
} from '../../shared/index-batch.js';
import { jobCrashesKey } from '../../shared/redis-keys.js';
import type { PhotoSource } from '../../gallery/source/photo-source.js';
import type { FileContent, FileStamp, FileTable } from '../../gallery/store/file-table.js';
import type { FaceWriter, HashedPhotos } from '../../gallery/store/face-writer.js';
import type { PhotoRecord } from '../../gallery/store/photo-record.js';
import { idOf } from '../jobs/running-jobs.js';
import type { ByteBudget } from './byte-budget.js';
import { type BatchEnds, PHOTO_FAILED } from './batch-ends.js';
import type { FindFaces, KnownPhoto } from './known-faces.js';

/** A batch starts no photo after this time. A new batch takes the rest, so that batches of other stages get a turn. */
const BATCH_TIME_MS = 1000;

export interface IndexTools {
  readonly photos: PhotoSource;
  readonly maxImageBytes: number;
  readonly findFaces: FindFaces;
  /** Stores the photos of a folder. */
  readonly writerOf: (folder: string) => FaceWriter;
  /** All batches of the child share it. */
  readonly budget: ByteBudget;
  readonly files: FileTable;
  readonly ends: BatchEnds;
  readonly redis: Redis;
  /** Photos in flight at once. */
  readonly concurrency: number;
}

interface IndexedFile extends FileStamp {
  readonly content: FileContent;
}

/**
 * Indexes a batch of photos: computes the faces of contents that are not in the store, and records the content of each
 * file. Skips files that are gone.
 *
 * @throws {JobError} `INVALID_JOB`
 */
export async function runIndexJob(job: Job, signal: AbortSignal, tools: IndexTools): Promise<IndexedBatch> {
  const { folder, files } = parseIndexJob(job.data);
  const crashes = await countCrashes(job, tools.redis);
  if (crashes >= MAX_BATCH_CRASHES) {
    await tools.ends.failed(job, `CRASHED_WORKER: It ended ${crashes} workers.`);
    return { photos: 0, faces: 0, broken: 0 };
  }
  const { indexed, photos, rest } = await indexFiles(folder, files, signal, tools);
  // Write all files at once, so that the batch is either indexed or not for other readers of the folder.
  await tools.files.write(folder, indexed);
  // Update the plans before the job ends. If this process dies in between, the job runs again and nothing is lost.
  await tools.ends.done(job, rest);
  return {
    photos: indexed.length,
    faces: indexed.reduce((sum, { content }) => sum + countFaces(content, photos), 0),
    broken: indexed.filter(({ content }) => content.kind === 'unreadable').length,
  };
}

/** The number of children that died while they ran this batch. Their supervisors count them. */
async function countCrashes(job: Job, redis: Redis): Promise<number> {
  if (job.attemptsStarted <= 1) return 0;
  return Number((await redis.get(jobCrashesKey(job.queueQualifiedName, idOf(job)))) ?? 0);
}

interface IndexedFiles {
  readonly indexed: readonly IndexedFile[];
  readonly photos: HashedPhotos;
  readonly rest: readonly IndexFile[];
}

async function indexFiles(
  folder: string,
  files: readonly IndexFile[],
  signal: AbortSignal,
  tools: IndexTools,
): Promise<IndexedFiles> {
  const indexed: IndexedFile[] = [];
  const known = new Map<string, PhotoRecord>();
  const found = new Map<string, PhotoRecord>();
  const rest: IndexFile[] = [];
  const writer = tools.writerOf(folder);
  const startedMs = performance.now();
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const indexOne = async (file: IndexFile): Promise<void> => {
    stop.throwIfAborted();
    if (performance.now() - startedMs > BATCH_TIME_MS) {
      rest.push(file);
      return;
    }
    const content = await indexFile(folder, file, stop, { ...tools, writer }, ({ hash, photo, isNew }) =>
      (isNew ? found : known).set(hash, photo),
    );
    if (content !== null) indexed.push({ ...file, content });
  };
  try {
    await pMap(files, indexOne, { concurrency: tools.concurrency });
  } catch (error) {
    // Stop the photos in flight, because BullMQ retries the whole batch.
    failure.abort(error);
    // The retry need not compute again what is done.
    await writer.write(found);
    throw error;
  }
  const written = await writer.write(found);
  return { indexed, photos: new Map([...known, ...written]), rest };
}

/**
 * @returns `null` if the file is gone
 * @throws {Error} `PHOTO_FAILED`: the photo, or the device that worked on it
 */
async function indexFile(
  folder: string,
  file: IndexFile,
  signal: AbortSignal,
  { photos, maxImageBytes, findFaces, budget, writer }: IndexTools & { readonly writer: FaceWriter },
  onPhoto: (photo: KnownPhoto) => void,
): Promise<FileContent | null> {
  try {
    const known = await budget.use(Math.min(file.sizeBytes, maxImageBytes), signal, async () => {
      const bytes = await photos.read(`${folder}/${file.name}`, maxImageBytes);
      return bytes === null ? null : findFaces({ kind: 'bytes', bytes }, signal, writer.accepts);
    });
    if (known === null) return null;
    onPhoto(known);
    return { kind: 'content', hash: known.hash };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GalleryUnavailableError) throw error;
    if (error instanceof ImageError) return { kind: 'unreadable', message: error.message };
    throw new Error(`${PHOTO_FAILED}: ${folder}/${file.name}: ${messageOf(error)}`, { cause: error });
  }
}

function countFaces(content: FileContent, photos: HashedPhotos): number {
  const photo = content.kind === 'content' ? photos.get(content.hash) : undefined;
  return photo?.kind === 'faces' ? photo.faces.length : 0;
}
