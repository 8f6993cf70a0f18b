import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** An active job and the token of its lock. */
export interface HeldJob {
  readonly queue: Queue;
  readonly id: string;
  readonly token: string;
}

/** All active jobs that are locked, also those of other machines. */
export async function listHeldJobs(queues: readonly Queue[], redis: Redis): Promise<HeldJob[]> {
  return (await Promise.all(queues.map((queue) => listHeldJobsOf(queue, redis)))).flat();
}

async function listHeldJobsOf(queue: Queue, redis: Redis): Promise<HeldJob[]> {
  const ids = await redis.lrange(queue.toKey('active'), 0, -1);
  if (ids.length === 0) return [];
  const tokens = await redis.mget(ids.map((id) => `${queue.toKey(id)}:lock`));
  return ids.flatMap((id, i) => {
    const token = tokens[i] ?? null;
    return token === null ? [] : [{ queue, id, token }];
  });
}

export function isHeldBy(job: HeldJob, lockTokenPrefixes: readonly string[]): boolean {
  return lockTokenPrefixes.some((prefix) => job.token.startsWith(`${prefix}:`));
}

/** The job without its data, so that no selfie is loaded into the supervisor. */
export async function bareJob({ queue, id }: HeldJob, redis: Redis): Promise<Job> {
  const { Job: BullJob } = await import('bullmq');
  const opts = await redis.hget(queue.toKey(id), 'opts');
  return new BullJob(queue, 'search', {}, JSON.parse(opts ?? '{}') as object, id);
}
