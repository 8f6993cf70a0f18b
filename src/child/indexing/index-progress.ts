import { Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { GALLERY_PERCENT, SELFIE_PERCENT } from '../jobs/progress-steps.js';
import { raiseProgress } from '../jobs/raise-progress.js';

/**
 * Shows on a search how many of its index batches are done. It is told by the worker that ends one, as nobody
 * works on the search itself meanwhile.
 */
export async function showIndexProgress(batch: Job, redis: Redis, searchQueue: Queue): Promise<void> {
  const searchId = batch.parent?.id;
  if (searchId === undefined) return;
  // A bare Job: its data (pictures) is of no use here.
  const search = new Job(searchQueue, 'search', {}, {}, searchId);
  const { processed = 0, ignored = 0, unprocessed = 0 } = await search.getDependenciesCount();
  const done = processed + ignored;
  const share = done / Math.max(1, done + unprocessed);
  const percent = Math.floor(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT));
  await raiseProgress(redis, searchQueue, searchId, percent);
}
