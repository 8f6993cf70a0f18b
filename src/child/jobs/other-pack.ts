import { setTimeout } from 'node:timers/promises';
import type { Job } from 'bullmq';
import { JobError } from '../../shared/errors.js';

/**
 * A job of another pack goes from worker to worker: Redis wakes the one that has waited longest. After this many workers it
 * is delayed, because no worker of that pack may be online.
 */
const OTHER_PACK_HOPS = 8;
/** It doubles each time. */
const OTHER_PACK_DELAY_MS = { first: 200, max: 5000 };
/** So that another worker takes the job, and not this one again. */
const HOP_MS = 10;
/** As long as an index plan is kept. After a change of the pack, the jobs of the old one would go round for ever. */
const OTHER_PACK_WAIT_MS = 86_400_000;

/**
 * Returns a job of another model pack to the queue, where a worker of that pack takes it: embeddings of different
 * packs cannot be compared.
 *
 * @returns whether the job was returned
 * @throws {JobError} `INVALID_JOB`: it has waited for such a worker for a day
 */
export async function returnToOtherPack(
  job: Job,
  token: string,
  wantedPack: string,
  ownPack: string,
): Promise<boolean> {
  if (wantedPack === ownPack) return false;
  if (Date.now() - job.timestamp >= OTHER_PACK_WAIT_MS) {
    throw new JobError('INVALID_JOB', `For a day, no worker has had the model pack ${wantedPack}.`);
  }
  if (job.attemptsStarted % OTHER_PACK_HOPS !== 0) {
    await job.moveToWait(token);
    await setTimeout(HOP_MS);
    return true;
  }
  const { first, max } = OTHER_PACK_DELAY_MS;
  const delayMs = Math.min(max, first * 2 ** Math.min(10, job.attemptsStarted / OTHER_PACK_HOPS - 1));
  await job.moveToDelayed(Date.now() + delayMs, token);
  return true;
}
