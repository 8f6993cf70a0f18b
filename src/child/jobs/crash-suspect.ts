import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobCrashesKey } from '../../shared/redis-keys.js';

/**
 * Whether a worker may have died because of this job. A suspect runs alone, so that no other job is blamed for the next
 * crash. The supervisor counts the crashes of its children. BullMQ counts the loss of a whole machine as a stall.
 */
export async function isCrashSuspect(
  job: Pick<Job, 'id' | 'queueQualifiedName' | 'stalledCounter' | 'attemptsStarted' | 'attemptsMade'>,
  redis: Pick<Redis, 'exists'>,
): Promise<boolean> {
  if (job.stalledCounter > 0) return true;
  // At its first start, a job has no crashes.
  if (job.attemptsStarted - job.attemptsMade <= 1 || job.id === undefined) return false;
  return (await redis.exists(jobCrashesKey(job.queueQualifiedName, job.id))) > 0;
}
