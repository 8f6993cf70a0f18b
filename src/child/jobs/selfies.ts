import type { Job, Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { selfieSweepKey, selfiesSweptKey } from '../../shared/redis-keys.js';
import { redisKeyOf } from './running-jobs.js';

/** Interval of sweeps by all workers of a queue together. */
const SWEEP_INTERVAL_MS = 60_000;
const PAGE = 100;
/** The clock of the machine that ended a job may be behind ours by this much. */
const OVERLAP_MS = 600_000;
/** Replaces data of which no part can be kept: it may be, or contain, a selfie. */
const NOTHING = 'null';
/** Workers delete the selfies of completed jobs at once, unless they are killed or Redis refuses. */
const COMPLETED_RETENTION_MS = 60_000;

/** KEYS: the job. ARGV: the data without selfies. Does nothing if BullMQ has already removed the job. */
const WRITE_DATA = `
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'data', ARGV[1], 'selfieDeleted', 1) end`;

/**
 * Replaces the data of a job, unless the job was retried since it ended.
 *
 * KEYS: the completed or failed jobs, the job. ARGV: the job's id, the time of its end, the data without selfies.
 */
const REPLACE_DATA = `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'data', ARGV[3], 'selfieDeleted', 1)
return 1`;

/** Deletes the selfies of a job that has ended. */
export async function deleteSelfies(job: Job, redis: Redis): Promise<void> {
  const kept = withoutSelfies(job.data);
  if (kept !== null) await redis.eval(WRITE_DATA, 1, redisKeyOf(job), kept);
}

/**
 * The data as JSON without selfies. Keeps the other fields, for operators who inspect the queue.
 *
 * @returns `null` if there is nothing to delete
 */
function withoutSelfies(data: unknown): string | null {
  if (typeof data === 'string' || Array.isArray(data)) return NOTHING;
  if (typeof data !== 'object' || data === null) return null;
  const { image, images } = data as { image?: unknown; images?: unknown };
  if ((image ?? images ?? null) === null) return null;
  const selfies = {
    ...(image !== undefined && { image: null }),
    ...(images !== undefined && { images: null }),
  };
  try {
    return JSON.stringify({ ...data, ...selfies });
  } catch {
    // It nests too deeply: JSON.parse reads any depth, JSON.stringify does not write it.
    return JSON.stringify(selfies);
  }
}

export interface SelfieSweep {
  /** Settles when no sweep is running. */
  stop(): Promise<void>;
}

/**
 * Deletes the selfies of jobs that failed `retentionMs` ago, including jobs that a supervisor or another client failed, and
 * of completed jobs whose worker could not. It reads each job's data once.
 */
export function startSelfieSweep(
  queue: Queue,
  redis: Redis,
  retentionMs: number,
  logger: Logger,
): SelfieSweep {
  const stopped = new AbortController();
  let running: Promise<void> = Promise.resolve();

  const sweep = async (): Promise<void> => {
    const lock = selfieSweepKey(queue.qualifiedName);
    if ((await redis.set(lock, '1', 'PX', SWEEP_INTERVAL_MS / 2, 'NX')) === null) return;
    for (const [state, ageMs] of Object.entries({ failed: retentionMs, completed: COMPLETED_RETENTION_MS })) {
      const dueMs = Date.now() - ageMs;
      const deleted = await deleteDueSelfies(queue, redis, state as EndState, dueMs, stopped.signal);
      if (deleted > 0)
        logger.info({ queue: queue.name, jobs: deleted }, `Deleted the selfies of ${state} jobs`);
    }
  };
  const start = (): void => {
    running = sweep().catch((error: unknown) =>
      logger.warn(
        { error: messageOf(error) },
        'Cannot delete the selfies of jobs that have ended; trying again',
      ),
    );
  };
  start();
  const timer = setInterval(start, SWEEP_INTERVAL_MS);
  return {
    stop: () => {
      clearInterval(timer);
      stopped.abort();
      return running;
    },
  };
}

type EndState = 'completed' | 'failed';

/**
 * @param dueMs jobs that ended up to this time (ms since 1970)
 * @returns number of jobs whose selfies were deleted
 */
export async function deleteDueSelfies(
  queue: Queue,
  redis: Redis,
  state: EndState,
  dueMs: number,
  signal: AbortSignal,
): Promise<number> {
  const sweptKey = selfiesSweptKey(queue.qualifiedName, state);
  const fromMs = Math.max(0, Number((await redis.get(sweptKey)) ?? 0) - OVERLAP_MS);
  const endedKey = queue.toKey(state);
  let deleted = 0;
  for (let offset = 0; ; offset += PAGE) {
    const page = await redis.zrangebyscore(endedKey, fromMs, dueMs, 'WITHSCORES', 'LIMIT', offset, PAGE);
    const ids = page.filter((_, i) => i % 2 === 0);
    const known = await Promise.all(ids.map((id) => redis.hexists(queue.toKey(id), 'selfieDeleted')));
    for (const [i, id] of ids.entries()) {
      if (signal.aborted) return deleted;
      if (known[i] === 1) continue;
      const key = queue.toKey(id);
      const kept = withoutSelfies(parse((await redis.hget(key, 'data')) ?? NOTHING));
      if (kept === null) continue;
      const endedAt = page[2 * i + 1] ?? '';
      const replaced = await redis.eval(REPLACE_DATA, 2, endedKey, key, id, endedAt, kept);
      deleted += Number(replaced);
    }
    if (page.length < 2 * PAGE) break;
  }
  await redis.set(sweptKey, String(dueMs));
  return deleted;
}

/** Returns text that is not JSON as it is. */
function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}
