import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { IndexPlanner } from '../../gallery/batches/index-planner.js';
import type { IndexPlans } from '../../gallery/batches/index-plans.js';
import { batchId } from '../../gallery/batches/plan-batches.js';
import type { BadPhotos } from '../../gallery/store/bad-photos.js';
import { type IndexJob, type IndexFile, parseIndexJob } from '../../shared/index-batch.js';
import { idOf } from '../jobs/running-jobs.js';
import { updateSearches } from './wake-searches.js';

/** What the reason of a batch begins with if the work on one of its photos failed. */
export const PHOTO_FAILED = 'PHOTO_FAILED';
/** What the reason begins with if BullMQ saw the workers of a batch vanish too often. */
const STALLED = 'job stalled';

export interface BatchEndsDeps {
  readonly plans: IndexPlans;
  readonly planner: IndexPlanner;
  readonly badPhotos: BadPhotos;
  readonly redis: Redis;
  readonly searchQueue: Queue;
}

/** What follows from the end of an index batch: for its plans, the searches that wait for them, and what is left to do. */
export interface BatchEnds {
  /** @param rest files that the batch had no time for; they become a batch of their own */
  done(job: Job, rest: readonly IndexFile[]): Promise<void>;
  /**
   * After its last try. If photos may be the reason, a batch of several is split into single ones, so that one bad
   * photo cannot take the others down, and a photo that fails alone is recorded and given up.
   */
  failed(job: Job, reason: string): Promise<void>;
  /** Ends a batch of which nothing is known but its id: its job is gone. */
  lost(id: string): Promise<void>;
}

export function createBatchEnds({ plans, planner, badPhotos, redis, searchQueue }: BatchEndsDeps): BatchEnds {
  const end = async (job: Job, donePhotos: number, replacedBy: readonly IndexJob[]): Promise<void> => {
    // First the plans: a replacement may end as soon as it is in the queue.
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

/** The path stands beside the reason wherever a bad photo is shown. */
function withoutName(reason: string, folder: string, { name }: IndexFile): string {
  return reason.replace(`${PHOTO_FAILED}: ${folder}/${name}: `, '');
}
