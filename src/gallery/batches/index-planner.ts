import type { Job, JobsOptions, Queue } from 'bullmq';
import type { IndexBatch, IndexJob } from '../../shared/index-batch.js';
import type { BadPhoto, BadPhotos } from '../store/bad-photos.js';
import type { IndexPlan, IndexPlans } from './index-plans.js';
import { batchId } from './plan-batches.js';

/** How an index batch is queued. Once it has ended, its id is free again. */
const JOB_OPTIONS = {
  attempts: 3,
  backoff: { type: 'exponential', delay: 1000 },
  removeOnComplete: true,
  removeOnFail: true,
} as const satisfies JobsOptions;

/** BullMQ's own bound (`PRIORITY_LIMIT`). 1 goes first. */
const MAX_PRIORITY = 2 ** 21 - 1;
/**
 * A stage that is requested this much later goes one batch number behind: small enough for a small stage to pass a
 * large one, and the large one still ends if small ones keep coming.
 */
const TURN_MS = 10_000;

export interface StartedIndex {
  readonly photos: number;
  readonly batches: number;
  /** What the stage waits for now: this index, or an earlier one. `null` if there is nothing to wait for. */
  readonly plan: IndexPlan | null;
  /** Photos that are left out because they failed before. */
  readonly bad: readonly BadPhoto[];
}

export interface IndexPlannerDeps {
  readonly indexQueue: Queue;
  readonly plans: IndexPlans;
  readonly badPhotos: BadPhotos;
}

/** Adds the batches of stages to the index queue: for searches, the command line and the dashboard. */
export interface IndexPlanner {
  /**
   * Has the photos of a stage indexed, unless the stage has a plan already.
   *
   * @param unindexed photos without faces in the store
   * @param searchId of a search that waits for them
   */
  start(stage: string, unindexed: readonly IndexBatch[], searchId?: string): Promise<StartedIndex>;
  /** Adds batches that replace another one, with its priority. */
  addInPlaceOf(batches: readonly IndexJob[], replaced: Pick<Job, 'opts'>): Promise<void>;
}

export function createIndexPlanner({ indexQueue, plans, badPhotos }: IndexPlannerDeps): IndexPlanner {
  const addAll = async (batches: readonly IndexJob[], priorityOf: (i: number) => number): Promise<void> => {
    await indexQueue.addBulk(
      batches.map((batch, i) => ({
        name: 'index',
        data: batch,
        opts: { ...JOB_OPTIONS, jobId: batchId(batch), priority: priorityOf(i) },
      })),
    );
  };

  /** Leaves out the photos that failed before and are not due for another try. */
  const withoutBad = async (unindexed: readonly IndexBatch[]) => {
    const bad: BadPhoto[] = [];
    const batches: IndexJob[] = [];
    for (const { folder, files } of unindexed) {
      const entries = await badPhotos.read(folder, files);
      const good = files.filter((_file, i) => (entries[i] ?? null) === null);
      bad.push(...entries.filter((entry) => entry !== null));
      if (good.length > 0) batches.push({ pack: plans.packKey, folder, files: good });
    }
    return { batches, bad };
  };

  return {
    start: async (stage, unindexed, searchId) => {
      const { batches, bad } = await withoutBad(unindexed);
      const photos = batches.reduce((sum, { files }) => sum + files.length, 0);
      if (batches.length === 0) return { photos, batches: 0, plan: null, bad };
      const isOurs = await plans.begin(stage, batches.map(batchId), photos);
      // Before the batches are added: a search must not miss the end of a short plan.
      const plan = await plans.join(stage, searchId);
      if (isOurs) {
        const first = Math.floor(Date.now() / TURN_MS);
        await addAll(batches, (i) => 1 + ((first + i) % MAX_PRIORITY));
      }
      return { photos, batches: batches.length, plan, bad };
    },
    addInPlaceOf: (batches, { opts }) => addAll(batches, () => opts.priority ?? 1),
  };
}
