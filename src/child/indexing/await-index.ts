import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { IndexPlans } from '../../gallery/batches/index-plans.js';
import type { BatchEnds } from './batch-ends.js';
import { wakeSearch } from './wake-searches.js';
import { idOf } from '../jobs/running-jobs.js';

/**
 * A search whose index does not wake it runs again after this time, and this much more for each batch in the
 * queue: long enough for a fleet of one slow worker, so that searches start twice and not more often.
 */
const NET_DELAY_MS = 60_000;
const NET_DELAY_PER_BATCH_MS = 2000;
const MAX_NET_DELAY_MS = 900_000;
/** A plan in which no batch has ended for this long may wait for batches that are gone. */
const IDLE_S = 30;

export interface AwaitIndexDeps {
  readonly plans: IndexPlans;
  readonly ends: BatchEnds;
  readonly indexQueue: Queue;
  readonly searchQueue: Queue;
  readonly redis: Redis;
}

/**
 * Puts a search aside until its stage is indexed: it stands in `delayed`, and the end of the plan's last batch wakes
 * it. The delay is only the net for a wake-up that is lost.
 */
export async function awaitIndex(
  search: Job,
  token: string,
  stage: string,
  { plans, indexQueue, searchQueue, redis }: AwaitIndexDeps,
): Promise<void> {
  const batches = await indexQueue.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed');
  const delayMs = Math.min(MAX_NET_DELAY_MS, NET_DELAY_MS + batches * NET_DELAY_PER_BATCH_MS);
  await search.moveToDelayed(Date.now() + delayMs, token);
  // A plan that ended just before could not wake this search.
  if ((await plans.join(stage, idOf(search))) === null) {
    await wakeSearch(searchQueue, idOf(search), redis);
  }
}

/**
 * Whether a stage is being indexed. If so, the search waits for it from now on. Batches whose jobs are gone (removed
 * by an operator, or lost with Redis) are taken out of an idle plan first.
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
