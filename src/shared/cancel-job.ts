import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { RAISE_PROGRESS_FUNCTION } from './raise-progress.js';
import { cancelChannel } from './redis-keys.js';

/*
 * Two fields of ours in a job's hash let a cancel and the end of a job exclude each other:
 *
 *   cancelled   `atm` (attempts made) at the time of the cancel, so that a retry by hand is not cancelled again
 *   ending      set from the moment at which a worker records the job's end; a cancel comes too late
 *
 * The hash also has `timestamp`, as every job of BullMQ has; BullMQ's own keys (`meta`, `id`, `events`) have not.
 */

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

/** KEYS: job, events, meta. ARGV: id, progress or an empty text. */
const END = `${RAISE_PROGRESS_FUNCTION}
local mark = redis.call('HGET', KEYS[1], 'cancelled')
if mark and mark == (redis.call('HGET', KEYS[1], 'atm') or '0') then return 1 end
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'ending', 1)
  if ARGV[2] ~= '' then raiseProgress(KEYS[1], KEYS[2], KEYS[3], ARGV[1], ARGV[2]) end
end
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
  // A job that a worker has just taken is not removed.
  if (state === 'waiting' && (await queue.remove(jobId)) === 1) return 'cancelled';
  const { prefix = 'bull' } = queue.opts;
  await redis.publish(cancelChannel({ db: redis.options.db ?? 0, prefix, name: queue.name }), jobId);
  return 'cancelled';
}

/** Our fields in a job's hash, as a worker fetched it. */
export interface FetchedMarks {
  /** The job was cancelled before this attempt began. */
  readonly isCancelled: boolean;
  /** An earlier run has left marks, see {@link clearMarks}. */
  readonly isMarked: boolean;
}

export function readMarks(hash: object): FetchedMarks {
  const {
    cancelled,
    atm = '0',
    ending,
    selfieDeleted,
  } = hash as Readonly<Record<string, string | undefined>>;
  return {
    isCancelled: cancelled === atm,
    isMarked: ending !== undefined || selfieDeleted !== undefined,
  };
}

/** Removes the marks of an earlier run, so that this run can be cancelled and its selfie is deleted. */
export async function clearMarks(redis: Redis, jobKey: string): Promise<void> {
  await redis.hdel(jobKey, 'ending', 'selfieDeleted');
}

/**
 * Call it before the job's end is recorded. From then on, a cancel is refused.
 *
 * @param percent final progress, written with the same command; `null` leaves the progress as it is
 * @returns whether the job was cancelled while it ran
 */
export async function endCancellableJob(
  redis: Redis,
  queueKey: string,
  jobId: string,
  percent: number | null,
): Promise<boolean> {
  const keys = [jobId, 'events', 'meta'].map((key) => `${queueKey}:${key}`);
  return (await redis.eval(END, keys.length, ...keys, jobId, percent ?? '')) === 1;
}
