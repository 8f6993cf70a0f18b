import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { IndexPlans } from '../../gallery/batches/index-plans.js';
import type { BatchEnds } from './batch-ends.js';
import { wakeSearch } from './wake-searches.js';
import { idOf } from '../jobs/running-jobs.js';

/**
 * A waiting search runs again after this time plus a time for each batch in the queue, because its wake-up may be lost.
 * One slow worker can index that many batches in this time, so a search rarely starts more than twice.
 */
const FALLBACK_DELAY_MS = 60_000;
const FALLBACK_DELAY_PER_BATCH_MS = 2000;
const MAX_FALLBACK_DELAY_MS = 900_000;
/** If no batch of a plan has ended for this long, its remaining batches may be gone. */
const IDLE_S = 30;

export interface AwaitIndexDeps {
  readonly plans: IndexPlans;
  readonly ends: BatchEnds;
  readonly indexQueue: Queue;
  readonly searchQueue: Queue;
  readonly redis: Redis;
}

/**
 * Moves a search to `delayed` until its stage is indexed. The end of the plan's last batch wakes it. The delay itself
 * is only the fallback for a lost wake-up.
 */
export async function awaitIndex(
  search: Job,
  token: string,
  stage: string,
  { plans, indexQueue, searchQueue, redis }: AwaitIndexDeps,
): Promise<void> {
  const batches = await indexQueue.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed');
  const delayMs = Math.min(MAX_FALLBACK_DELAY_MS, FALLBACK_DELAY_MS + batches * FALLBACK_DELAY_PER_BATCH_MS);
  await search.moveToDelayed(Date.now() + delayMs, token);
  // A plan that ended just before could not wake this search.
  if ((await plans.join(stage, idOf(search))) === null) {
    await wakeSearch(searchQueue, idOf(search), redis);
  }
}

/**
 * Whether a stage is being indexed. If so, the end of its plan will wake the search. First removes batches from an idle
 * plan whose jobs are gone, because an operator removed them or Redis lost them.
 */
export async function joinIndex(
  search: Job,
  stage: string,
  { plans, ends, indexQueue }: AwaitIndexDeps,
): Promise<boolean> {
  const plan = await plans.join(stage, idOf(search));
  if (plan === null) return false;
  if (plan.idleS < IDLE_S) return true;
  for (const id of await plans.batchIds(stage)) {
    if ((await indexQueue.getJobState(id)) === 'unknown') await ends.lost(id);
  }
  return (await plans.join(stage, idOf(search))) !== null;
}
