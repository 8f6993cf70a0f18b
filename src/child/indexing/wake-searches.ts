import { ErrorCode, Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { savedProbeKey } from '../../shared/redis-keys.js';
import type { ChangedPlan } from '../../gallery/batches/index-plans.js';
import { GALLERY_PERCENT, SELFIE_PERCENT } from '../jobs/job-progress.js';
import { raiseProgress } from '../jobs/raise-progress.js';

/** Shows waiting searches how far their index is, and wakes those whose index is done. */
export async function updateSearches(
  plans: readonly ChangedPlan[],
  redis: Redis,
  searchQueue: Queue,
): Promise<void> {
  for (const { photos, donePhotos, batchesLeft, searchIds, release } of plans) {
    const share = Math.min(1, donePhotos / Math.max(1, photos));
    const percent = Math.floor(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT));
    await Promise.all(searchIds.map((id) => raiseProgress(redis, searchQueue, id, percent)));
    if (batchesLeft > 0) continue;
    await Promise.all(searchIds.map((id) => wakeSearch(searchQueue, id, redis)));
    await release();
  }
}

/**
 * Lets a delayed search run now. One that is in another state (promoted by a person, or not yet moved) is left alone;
 * one that was removed leaves nothing behind.
 */
export async function wakeSearch(searchQueue: Queue, id: string, redis: Redis): Promise<void> {
  try {
    // A Job without data: only the id is needed, and the data is megabytes.
    await new Job(searchQueue, 'search', {}, {}, id).promote();
  } catch (error) {
    if ((error as { code?: unknown }).code !== ErrorCode.JobNotInState) throw error;
    const isGone = (await redis.exists(searchQueue.toKey(id))) === 0;
    if (isGone) await redis.del(savedProbeKey(searchQueue.toKey(''), id));
  }
}
