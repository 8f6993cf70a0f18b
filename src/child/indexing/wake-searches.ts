import { ErrorCode, Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { savedProbeKey } from '../../shared/redis-keys.js';
import type { ChangedPlan } from '../../gallery/batches/index-plans.js';
import { GALLERY_PERCENT, SELFIE_PERCENT } from '../jobs/job-progress.js';
import { raiseProgress } from '../../shared/raise-progress.js';

/** Updates the progress of waiting searches, and wakes those whose index is complete. */
export async function updateSearches(
  plans: readonly ChangedPlan[],
  redis: Redis,
  searchQueue: Queue,
): Promise<void> {
  for (const { photos, donePhotos, batchesLeft, searchIds } of plans) {
    const share = Math.min(1, donePhotos / Math.max(1, photos));
    const percent = Math.floor(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT));
    await Promise.all(searchIds.map((id) => raiseProgress(redis, searchQueue, id, percent)));
    if (batchesLeft > 0) continue;
    await Promise.all(searchIds.map((id) => wakeSearch(searchQueue, id, redis)));
  }
}

/**
 * Makes a delayed search run now. Leaves a search in any other state as it is: a person has promoted it, or it is not
 * delayed yet. If the search was removed, deletes its saved probe.
 */
export async function wakeSearch(searchQueue: Queue, id: string, redis: Redis): Promise<void> {
  try {
    // Promoting needs only the id, so do not load the data, which can be several megabytes.
    await new Job(searchQueue, 'search', {}, {}, id).promote();
  } catch (error) {
    if ((error as { code?: unknown }).code !== ErrorCode.JobNotInState) throw error;
    const isGone = (await redis.exists(searchQueue.toKey(id))) === 0;
    if (isGone) await redis.del(savedProbeKey(searchQueue.toKey(''), id));
  }
}
