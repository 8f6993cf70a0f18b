import { ErrorCode, type Job, type Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import { selfieSweepKey, selfiesSweptKey } from '../../shared/redis-keys.js';

/** All workers of a queue together look this often for selfies to delete. */
const SWEEP_INTERVAL_MS = 60_000;
const PAGE = 100;
/** A job that another machine failed may carry a time that is a little in the past. */
const OVERLAP_MS = 600_000;

/**
 * KEYS: the failed jobs, the job. ARGV: id, the time of its failure, the data without selfies. A job that was retried
 * meanwhile keeps its selfie.
 */
const REPLACE_DATA = `
if redis.call('ZSCORE', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], 'data', ARGV[3], 'selfieDeleted', 1)
return 1`;

/** Deletes the selfies of a job that has ended. A job that was removed when it ended has none. */
export async function deleteSelfies(job: Job): Promise<void> {
  const kept = withoutSelfies(job.data);
  if (kept === null) return;
  try {
    await job.updateData(kept);
  } catch (error) {
    if ((error as { code?: unknown }).code !== ErrorCode.JobNotExist) throw error;
  }
}

/** The rest of the data stays for people who look at the queue. `null` if there is no selfie in it. */
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
 * Deletes the selfies of jobs that failed `retentionMs` ago, whoever failed them: a worker, a supervisor, or another
 * client. It reads each job's data once.
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
