import { ErrorCode, type Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { selfieSweepKey, selfiesSweptKey } from '../../shared/redis-keys.js';

/** Interval of sweeps by all workers of a queue together. */
const SWEEP_INTERVAL_MS = 60_000;
const PAGE = 100;
/** The clock of the machine that failed a job may be behind ours by this much. */
const OVERLAP_MS = 600_000;

/**
 * Replaces the data of a job, unless the job was retried since it failed.
 *
 * KEYS: the failed jobs, the job. ARGV: the job's id, the time of its failure, the data without selfies.
 */
const REPLACE_DATA = `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'data', ARGV[3], 'selfieDeleted', 1)
return 1`;

/** Deletes the selfies of a job that has ended. Does nothing if BullMQ has already removed the job. */
export async function deleteSelfies(job: Job): Promise<void> {
  const kept = withoutSelfies(job.data);
  if (kept === null) return;
  try {
    await job.updateData(kept);
  } catch (error) {
    if ((error as { code?: unknown }).code !== ErrorCode.JobNotExist) throw error;
  }
}

/** Keeps the other fields, for operators who inspect the queue. `null` if the data has no selfie. */
function withoutSelfies(data: unknown): object | null {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return null;
  const { image, images } = data as { image?: unknown; images?: unknown };
  if ((image ?? images ?? null) === null) return null;
  return {
    ...data,
    ...(image !== undefined && { image: null }),
    ...(images !== undefined && { images: null }),
  };
}

export interface SelfieSweep {
  /** Settles when no sweep is running. */
  stop(): Promise<void>;
}

/**
 * Deletes the selfies of jobs that failed `retentionMs` ago, including jobs that a supervisor or another client failed.
 * It reads each job's data once.
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
    const deleted = await deleteDueSelfies(queue, redis, Date.now() - retentionMs, stopped.signal);
    if (deleted > 0) logger.info({ queue: queue.name, jobs: deleted }, 'Deleted the selfies of failed jobs');
  };
  const start = (): void => {
    running = sweep().catch((error: unknown) =>
      logger.warn({ error: messageOf(error) }, 'Cannot delete the selfies of failed jobs; trying again'),
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

/**
 * @param dueMs jobs that failed up to this time (ms since 1970)
 * @returns number of jobs whose selfies were deleted
 */
export async function deleteDueSelfies(
  queue: Queue,
  redis: Redis,
  dueMs: number,
  signal: AbortSignal,
): Promise<number> {
  const sweptKey = selfiesSweptKey(queue.qualifiedName);
  const fromMs = Math.max(0, Number((await redis.get(sweptKey)) ?? 0) - OVERLAP_MS);
  const failedKey = queue.toKey('failed');
  let deleted = 0;
  for (let offset = 0; ; offset += PAGE) {
    const page = await redis.zrangebyscore(failedKey, fromMs, dueMs, 'WITHSCORES', 'LIMIT', offset, PAGE);
    for (let i = 0; i < page.length; i += 2) {
      if (signal.aborted) return deleted;
      const [id = '', failedAt = ''] = page.slice(i, i + 2);
      const key = queue.toKey(id);
      if ((await redis.hexists(key, 'selfieDeleted')) === 1) continue;
      const kept = withoutSelfies(parse(await redis.hget(key, 'data')));
      if (kept === null) continue;
      const replaced = await redis.eval(REPLACE_DATA, 2, failedKey, key, id, failedAt, JSON.stringify(kept));
      deleted += Number(replaced);
    }
    if (page.length < 2 * PAGE) break;
  }
  await redis.set(sweptKey, String(dueMs));
  return deleted;
}

function parse(json: string | null): unknown {
  try {
    return JSON.parse(json ?? 'null');
  } catch {
    return null;
  }
}
