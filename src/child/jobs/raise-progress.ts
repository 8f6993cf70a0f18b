import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/**
 * Like BullMQ's `updateProgress` (its script updateProgress-3.lua), but ignores a value that is not higher than the
 * current one, because several machines report the progress of one search at the same time.
 */
const RAISE_PROGRESS = `
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
local progress = redis.call('HGET', KEYS[1], 'progress')
if progress and (tonumber(progress) or 0) >= tonumber(ARGV[2]) then return 0 end
redis.call('HSET', KEYS[1], 'progress', ARGV[2])
local most = redis.call('HGET', KEYS[3], 'opts.maxLenEvents') or 10000
redis.call('XADD', KEYS[2], 'MAXLEN', '~', most, '*', 'event', 'progress', 'jobId', ARGV[1], 'data', ARGV[2])
return 1
`;

/** Raises a job's progress (0..100) and never lowers it. Does nothing if the job is gone. */
export async function raiseProgress(
  redis: Redis,
  queue: Pick<Queue, 'toKey'>,
  jobId: string,
  percent: number,
): Promise<void> {
  const keys = [jobId, 'events', 'meta'].map((key) => queue.toKey(key));
  await redis.eval(RAISE_PROGRESS, keys.length, ...keys, jobId, percent);
}
