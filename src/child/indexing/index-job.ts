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
import { idOf } from '../jobs/running-jobs.js';
import { type BatchEnds, PHOTO_FAILED } from './batch-ends.js';
import type { FindFaces } from './known-faces.js';

/** A batch starts no photo after this time. A new batch takes the rest, so that batches of other stages get a turn. */
const BATCH_TIME_MS = 1000;

export interface IndexTools {
  readonly photos: PhotoSource;
  readonly maxImageBytes: number;
  readonly findFaces: FindFaces;
  readonly files: FileTable;
  readonly ends: BatchEnds;
  readonly redis: Redis;
  /** Photos in flight at once. */
  readonly concurrency: number;
}

/** Delay before a worker takes a batch of another pack again. It doubles each time, as no worker of that pack may be online. */
const OTHER_PACK_DELAY_MS = { first: 200, max: 5000 };

/**
 * Returns a batch of another model pack to the queue, where a worker of that pack takes it: embeddings of different
 * packs cannot be compared.
 *
 * @returns whether the job was returned
 */
export async function returnToOtherPack(job: Job, token: string, packKey: string): Promise<boolean> {
  if (parseIndexJob(job.data).pack === packKey) return false;
  const { first, max } = OTHER_PACK_DELAY_MS;
  const delayMs = Math.min(max, first * 2 ** Math.min(10, job.attemptsStarted - 1));
  await job.moveToDelayed(Date.now() + delayMs, token);
  return true;
}

interface IndexedFile extends FileStamp {
  readonly content: FileContent;
  readonly faces: number;
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
  const { indexed, rest } = await indexFiles(folder, files, signal, tools);
  // Write all files at once, so that the batch is either indexed or not for other readers of the folder.
  await tools.files.write(folder, indexed);
  // Update the plans before the job ends. If this process dies in between, the job runs again and nothing is lost.
  await tools.ends.done(job, rest);
  return {
    photos: indexed.length,
    faces: indexed.reduce((sum, { faces }) => sum + faces, 0),
    broken: indexed.filter(({ content }) => content.kind === 'unreadable').length,
  };
}

/** The number of children that died while they ran this batch. Their supervisors count them. */
async function countCrashes(job: Job, redis: Redis): Promise<number> {
  if (job.attemptsStarted <= 1) return 0;
  return Number((await redis.get(jobCrashesKey(job.queueQualifiedName, idOf(job)))) ?? 0);
}

async function indexFiles(
  folder: string,
  files: readonly IndexFile[],
  signal: AbortSignal,
  tools: IndexTools,
): Promise<{ indexed: IndexedFile[]; rest: IndexFile[] }> {
  const indexed: IndexedFile[] = [];
  const rest: IndexFile[] = [];
  const startedMs = performance.now();
  const failure = new AbortController();
  const stop = AbortSignal.any([signal, failure.signal]);
  const indexOne = async (file: IndexFile): Promise<void> => {
    stop.throwIfAborted();
    if (performance.now() - startedMs > BATCH_TIME_MS) {
      rest.push(file);
      return;
    }
    const done = await indexFile(folder, file, stop, tools);
    if (done !== null) indexed.push(done);
  };
  try {
    await pMap(files, indexOne, { concurrency: tools.concurrency });
  } catch (error) {
    // Stop the photos in flight, because BullMQ retries the whole batch.
    failure.abort(error);
    throw error;
  }
  return { indexed, rest };
}

/** @throws {Error} `PHOTO_FAILED`: the photo, or the device that worked on it */
async function indexFile(
  folder: string,
  file: IndexFile,
  signal: AbortSignal,
  { photos, maxImageBytes, findFaces }: IndexTools,
): Promise<IndexedFile | null> {
  try {
    const bytes = await photos.read(`${folder}/${file.name}`, maxImageBytes);
    if (bytes === null) return null;
    const { hash, photo } = await findFaces({ kind: 'bytes', bytes }, signal);
    const faces = photo.kind === 'faces' ? photo.faces.length : 0;
    return { ...file, content: { kind: 'content', hash }, faces };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof GalleryUnavailableError) throw error;
    if (error instanceof ImageError) {
      return { ...file, content: { kind: 'unreadable', message: error.message }, faces: 0 };
    }
    throw new Error(`${PHOTO_FAILED}: ${folder}/${file.name}: ${messageOf(error)}`, { cause: error });
  }
}
