import { z } from 'zod';
import { JobError } from './errors.js';

/** Queue of the index batches that belong to a search queue. */
export function indexQueueName(searchQueueName: string): string {
  return searchQueueName === 'face-search' ? 'face-index' : `${searchQueueName}-index`;
}

const indexFile = z.object({
  name: z.string().min(1),
  sizeBytes: z.number(),
  /** Time of the last change, whole milliseconds since 1970. */
  changedMs: z.number(),
});

const indexBatch = z.object({
  /** Below `GALLERY_DIR`, with forward slashes. */
  folder: z.string().min(1),
  files: z.array(indexFile).min(1),
  round: z.int().min(1),
});

/** A photo file that nobody has seen yet, as it stood in its folder. */
export type IndexFile = Readonly<z.infer<typeof indexFile>>;

/** Photos of one folder whose faces are to be computed. */
export interface IndexBatch {
  readonly folder: string;
  readonly files: readonly IndexFile[];
}

/** Data of a job of the index queue. */
export interface IndexJob extends IndexBatch {
  /** How often the search has had photos indexed, this time included. */
  readonly round: number;
}

/** Result of a job of the index queue. */
export interface IndexedBatch {
  readonly photos: number;
  readonly faces: number;
  readonly broken: number;
  readonly round: number;
}

/** @throws {JobError} `INVALID_JOB` */
export function parseIndexJob(data: unknown): IndexJob {
  const parsed = indexBatch.safeParse(data);
  if (parsed.success) return parsed.data;
  throw new JobError(
    'INVALID_JOB',
    'The data is not an index batch. Only workers and the index command add these jobs.',
  );
}
