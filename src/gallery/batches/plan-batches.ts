import { createHash } from 'node:crypto';
import type { IndexBatch, IndexFile, IndexJob } from '../../shared/index-batch.js';

/** On average: small enough for many workers to share a stage. The time of a batch has a bound of its own. */
const MEAN_BATCH_SIZE = 32;
const MAX_BATCH_SIZE = 4 * MEAN_BATCH_SIZE;

/**
 * Cuts the photos of a folder that are not indexed into batches. The names of the photos alone decide where a batch
 * ends, so that plans of stages that overlap have the same batches, even if a photo is added in between.
 *
 * @param files in a stable order
 */
export function planBatches(folder: string, files: readonly IndexFile[]): IndexBatch[] {
  const batches: IndexBatch[] = [];
  let current: IndexFile[] = [];
  for (const file of files) {
    current.push(file);
    if (!endsBatch(file.name) && current.length < MAX_BATCH_SIZE) continue;
    batches.push({ folder, files: current });
    current = [];
  }
  if (current.length > 0) batches.push({ folder, files: current });
  return batches;
}

/**
 * The id of the batch's job: the same photos, unchanged, for the same model pack are the same job. The ctime does not
 * count, because machines with copies of their own have different ones.
 */
export function batchId({ pack, folder, files }: IndexJob): string {
  const photos = files.map(({ name, sizeBytes, changedMs }) => ({ name, sizeBytes, changedMs }));
  const text = JSON.stringify({ pack, folder, files: photos });
  return `index-${createHash('sha256').update(text).digest('base64url').slice(0, 22)}`;
}

function endsBatch(name: string): boolean {
  // FNV-1a (Fowler, Noll, Vo).
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % MEAN_BATCH_SIZE === 0;
}
