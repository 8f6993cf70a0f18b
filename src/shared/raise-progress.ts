import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/**
 * Like BullMQ's `updateProgress` (its script updateProgress-3.lua), but ignores a value that is not higher than the
 * current one, because several machines report the progress of one search at the same time.
 */
export const RAISE_PROGRESS_FUNCTION = `
local function raiseProgress(job, events, meta, id, percent)
  local progress = redis.call('HGET', job, 'progress')
  if progress and (tonumber(progress) or 0) >= tonumber(percent) then return end
  redis.call('HSET', job, 'progress', percent)
  local most = redis.call('HGET', meta, 'opts.maxLenEvents') or 10000
  redis.call('XADD', events, 'MAXLEN', '~', most, '*', 'event', 'progress', 'jobId', id, 'data', percent)
end`;

const RAISE_PROGRESS = `${RAISE_PROGRESS_FUNCTION}
if redis.call('EXISTS', KEYS[1]) == 1 then raiseProgress(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]) end
return 0`;

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
