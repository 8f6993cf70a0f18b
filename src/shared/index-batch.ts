import { z } from 'zod';
import { JobError } from './errors.js';

/** Name of the queue of the index batches that belong to a search queue. */
export function indexQueueName(searchQueueName: string): string {
  return searchQueueName === 'face-search' ? 'face-index' : `${searchQueueName}-index`;
}

/** Longest key of a model pack. */
export const MAX_PACK_LENGTH = 200;
/** Longest path on Linux, and more than a file name, an object's key or a mark has. */
const MAX_PATH_LENGTH = 4096;
/** Batches have at most 128. */
const MAX_FILES = 1000;

const indexFile = z.object({
  name: z.string().min(1).max(MAX_PATH_LENGTH),
  sizeBytes: z.number(),
  /** mtime in whole milliseconds since 1970. */
  changedMs: z.number(),
  /** For an object in S3. */
  etag: z.string().max(MAX_PATH_LENGTH).optional(),
  ctimeMs: z.number().optional(),
});

const indexJob = z.object({
  /** Key of the model pack to use (`packKey`). */
  pack: z.string().min(1).max(MAX_PACK_LENGTH),
  /** Below `GALLERY_DIR`, with forward slashes. */
  folder: z.string().min(1).max(MAX_PATH_LENGTH),
  files: z.array(indexFile).min(1).max(MAX_FILES),
});

/** Name, size and mark of change of a file that is not indexed yet. */
export type IndexFile = Readonly<z.infer<typeof indexFile>>;

/** Photos of one folder to index. */
export interface IndexBatch {
  readonly folder: string;
  readonly files: readonly IndexFile[];
}

/** Data of a job of the index queue. Only workers of this model pack run it. */
export interface IndexJob extends IndexBatch {
  readonly pack: string;
}

/** A batch that has killed this many workers is not run again unchanged. */
export const MAX_BATCH_CRASHES = 3;

/** Result of a job of the index queue. Does not count photos that it left to another batch. */
export interface IndexedBatch {
  readonly photos: number;
  readonly faces: number;
  readonly broken: number;
}

/** @throws {JobError} `INVALID_JOB` */
export function parseIndexJob(data: unknown): IndexJob {
  const parsed = indexJob.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new JobError(
    'INVALID_JOB',
    'The data is not an index batch. Only workers and the index command add these jobs.',
  );
}
