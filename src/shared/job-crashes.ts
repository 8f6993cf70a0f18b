import type { Redis } from 'ioredis';
import { JobError } from './errors.js';
import { jobCrashesKey } from './redis-keys.js';

/** A job that has killed this many children or threads is not run again. */
export const MAX_JOB_CRASHES = 3;
const CRASHES_EXPIRE_S = 86_400;

/** @returns how many children and threads have died while they ran this job, including this one */
export async function countJobCrash(redis: Redis, queueName: string, jobId: string): Promise<number> {
  const key = jobCrashesKey(queueName, jobId);
  const replies = await redis.multi().incr(key).expire(key, CRASHES_EXPIRE_S).exec();
  return Number(replies?.[0]?.[1] ?? 1);
}

export function crashedTooOften(crashes: number, lastDeath: string): JobError {
  return new JobError('CRASHED_WORKER', `${crashes} workers died while they ran this job. ${lastDeath}.`);
}
