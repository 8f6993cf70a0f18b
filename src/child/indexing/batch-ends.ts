import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { IndexPlanner } from '../../gallery/batches/index-planner.js';
import type { IndexPlans } from '../../gallery/batches/index-plans.js';
import { batchId } from '../../gallery/batches/plan-batches.js';
import type { BadPhotos } from '../../gallery/store/bad-photos.js';
import { type IndexJob, type IndexFile, parseIndexJob } from '../../shared/index-batch.js';
import { idOf } from '../jobs/running-jobs.js';
import { updateSearches } from './wake-searches.js';

/** Prefix of a batch's failure reason if the work on one of its photos failed. */
export const PHOTO_FAILED = 'PHOTO_FAILED';
/** Prefix of the reason if too many workers disappeared while they ran the batch. BullMQ writes it. */
const STALLED = 'job stalled';

export interface BatchEndsDeps {
  readonly plans: IndexPlans;
  readonly planner: IndexPlanner;
  readonly badPhotos: BadPhotos;
  readonly redis: Redis;
  readonly searchQueue: Queue;
}

/** Handles the end of index batches: updates their plans, wakes the searches that wait, and queues what is left. */
export interface BatchEnds {
  /** @param rest files that the batch had no time for; a new batch takes them */
  done(job: Job, rest: readonly IndexFile[]): Promise<void>;
  /**
   * Handles a batch that failed at its last attempt. If a photo may be the reason, it splits the batch into batches of
   * one photo, so that a bad photo does not block the others. It records a photo that fails alone as bad.
   */
  failed(job: Job, reason: string): Promise<void>;
  /** Ends a batch whose job is gone, so that only its id is known. */
  lost(id: string): Promise<void>;
}

export function createBatchEnds({ plans, planner, badPhotos, redis, searchQueue }: BatchEndsDeps): BatchEnds {
  const end = async (job: Job, donePhotos: number, replacedBy: readonly IndexJob[]): Promise<void> => {
    // Update the plans first, because a replacement may end as soon as it is in the queue.
    const changed = await plans.end(idOf(job), donePhotos, replacedBy.map(batchId));
    if (replacedBy.length > 0) await planner.addInPlaceOf(replacedBy, job);
    await updateSearches(changed, redis, searchQueue);
  };

  return {
    done: async (job, rest) => {
      const { pack, folder, files } = parseIndexJob(job.data);
      const left = new Set(rest.map(({ name }) => name));
      const names = files.map(({ name }) => name).filter((name) => !left.has(name));
      await badPhotos.remove(folder, names);
      await end(job, names.length, rest.length > 0 ? [{ pack, folder, files: rest }] : []);
    },
    failed: async (job, reason) => {
      if (![PHOTO_FAILED, 'CRASHED_WORKER', STALLED].some((cause) => reason.startsWith(cause))) {
        return end(job, 0, []);
      }
      const { pack, folder, files } = parseIndexJob(job.data);
      const [file] = files;
      if (files.length > 1 || file === undefined) {
        return end(
          job,
          0,
          files.map((single) => ({ pack, folder, files: [single] })),
        );
      }
      await badPhotos.add(folder, file, withoutName(reason, folder, file));
      return end(job, 1, []);
    },
    lost: async (id) => updateSearches(await plans.end(id, 0), redis, searchQueue),
  };
}

/** Removes the path from the reason, because lists of bad photos show the path beside it. */
function withoutName(reason: string, folder: string, { name }: IndexFile): string {
  return reason.replace(`${PHOTO_FAILED}: ${folder}/${name}: `, '');
}
