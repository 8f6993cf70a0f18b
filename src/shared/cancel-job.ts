import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { cancelChannel } from './redis-keys.js';

/*
 * Two fields of ours in a job's hash let a cancel and the end of a job exclude each other:
 *
 *   cancelled   `atm` (attempts made) at the time of the cancel, so that a retry by hand is not cancelled again
 *   ending      set from the moment at which a worker records the job's end; a cancel comes too late
 *
 * The hash also has `timestamp`, as every job of BullMQ has; BullMQ's own keys (`meta`, `id`, `events`) have not.
 */
const IS_CANCELLED = `
local function isCancelled(job)
  local mark = redis.call('HGET', job, 'cancelled')
  return mark and mark == (redis.call('HGET', job, 'atm') or '0')
end`;

/** KEYS: job, its lock, completed, failed. ARGV: id. */
const CANCEL = `
if redis.call('TYPE', KEYS[1]).ok ~= 'hash' or redis.call('HEXISTS', KEYS[1], 'timestamp') == 0 then
  return 'missing'
end
if redis.call('ZSCORE', KEYS[3], ARGV[1]) or redis.call('ZSCORE', KEYS[4], ARGV[1]) then return 'ended' end
local isActive = redis.call('EXISTS', KEYS[2]) == 1
if isActive and redis.call('HEXISTS', KEYS[1], 'ending') == 1 then return 'ending' end
redis.call('HSET', KEYS[1], 'cancelled', redis.call('HGET', KEYS[1], 'atm') or '0')
return isActive and 'active' or 'waiting'`;

const BEGIN = `${IS_CANCELLED}
redis.call('HDEL', KEYS[1], 'ending', 'selfieDeleted')
return isCancelled(KEYS[1]) and 1 or 0`;

const END = `${IS_CANCELLED}
if isCancelled(KEYS[1]) then return 1 end
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'ending', 1) end
return 0`;

/** `ending`: a worker records the job's end at this moment. */
export type CancelAnswer = 'cancelled' | 'ending' | 'ended' | 'missing';

/**
 * Cancels a job in any state. After `cancelled` the job cannot complete: a waiting or delayed job is
 * removed, and a running job fails as `CANCELLED`, at the latest when its work is done.
 */
export async function cancelJob(queue: Queue, redis: Redis, jobId: string): Promise<CancelAnswer> {
  const keys = [jobId, `${jobId}:lock`, 'completed', 'failed'].map((key) => queue.toKey(key));
  const state = (await redis.eval(CANCEL, keys.length, ...keys, jobId)) as
    'active' | 'waiting' | 'ending' | 'ended' | 'missing';
  if (state !== 'active' && state !== 'waiting') return state;
  // Keep the index batches (its children), because the next search needs them. A job that a worker has just taken is not removed.
  if (state === 'waiting' && (await queue.remove(jobId, { removeChildren: false })) === 1) return 'cancelled';
  const { prefix = 'bull' } = queue.opts;
  await redis.publish(cancelChannel({ db: redis.options.db ?? 0, prefix, name: queue.name }), jobId);
  return 'cancelled';
}

/** @returns whether the job was cancelled before its work began */
export async function beginCancellableJob(redis: Redis, jobKey: string): Promise<boolean> {
  return (await redis.eval(BEGIN, 1, jobKey)) === 1;
}

/**
 * Call it before the job's end is recorded. From then on, a cancel is refused.
 *
 * @returns whether the job was cancelled while it ran
 */
export async function endCancellableJob(redis: Redis, jobKey: string): Promise<boolean> {
  return (await redis.eval(END, 1, jobKey)) === 1;
}
