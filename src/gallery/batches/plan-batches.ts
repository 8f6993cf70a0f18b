import { createHash } from 'node:crypto';
import type { IndexBatch, IndexFile, IndexJob } from '../../shared/index-batch.js';

/** Photos of a batch on average: a second or so of work, so that machines share a gallery evenly. */
const MEAN_BATCH_SIZE = 32;
const MAX_BATCH_SIZE = 4 * MEAN_BATCH_SIZE;

/**
 * Cuts the new photos of a folder into batches. Where a batch ends is told by a photo's name alone, so that two
 * searches of one gallery cut the same batches even where a photo was added in between; BullMQ takes the second
 * one of the same id for the first.
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

/** The id of the batch's job: the same photos, unchanged, for the same model pack are the same job. */
export function batchId(batch: IndexJob): string {
  return `index-${createHash('sha256').update(JSON.stringify(batch)).digest('base64url').slice(0, 22)}`;
}

function endsBatch(name: string): boolean {
  // FNV-1a (Fowler, Noll, Vo); its low bits are as good as any for this.
  let hash = 0x811c9dc5;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % MEAN_BATCH_SIZE === 0;
}
