import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { ChildReady, ChildStats } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import { bareJob, type HeldJob, isHeldBy, listHeldJobs } from './held-jobs.js';
import type { OpenQueues } from './open-queues.js';

/** Longer than the time between two pongs. */
const CHECK_INTERVAL_MS = 3000;
/** Enough checks for a child to notice a broken connection, which takes up to the socket timeout of redis-connection. */
const CHECKS = 10;

/** The part of a child's slot that is needed to find its orphaned jobs. */
export interface JobHolder {
  ready(): Pick<ChildReady, 'lockTokenPrefixes'> | null;
  stats(): ChildStats | null;
  runningJobs(): ReadonlyMap<string, unknown>;
  allJobsKnown(): boolean;
}

export interface OrphanedJobs {
  /** Checks for orphaned jobs for half a minute. */
  redisIsBack(): void;
  /** Gives back the jobs that were already orphaned at the previous check. */
  check(): Promise<void>;
  stop(): void;
}

/**
 * A job is orphaned if Redis gave it to a child whose connection broke before the reply arrived: the job is active and
 * locked with the child's token, but the child does not know it. BullMQ's stall check finds it only after up to a minute.
 *
 * A job is given back if the child has reported since the first check and still does not know the job. If the child
 * receives the reply even later, it no longer holds the lock, so the job cannot end twice.
 */
export function createOrphanedJobs(
  openQueues: OpenQueues,
  redis: Redis,
  children: () => readonly JobHolder[],
  logger: Logger,
): OrphanedJobs {
  const stopped = new AbortController();
  let checksLeft = 0;
  let watching = false;
  /** Job that may be orphaned -> the last stats of its child when the job was first seen. */
  let seen: ReadonlyMap<string, ChildStats> = new Map();

  const check = async (): Promise<void> => {
    const unknown = new Map<string, ChildStats>();
    for (const job of await listHeldJobs(await openQueues(), redis)) {
      const stats = statsOfUnaware(job);
      if (stats === null) continue;
      // Several jobs, one after another, may have the same token.
      const key = `${job.id} ${job.token}`;
      const statsBefore = seen.get(key) ?? stats;
      if (statsBefore === stats) unknown.set(key, stats);
      else await giveBack(job);
    }
    seen = unknown;
  };

  /** The last stats of the child that holds the job; `null` if the child may know the job. */
  const statsOfUnaware = (job: HeldJob): ChildStats | null => {
    const holder = children().find((child) => {
      const ready = child.ready();
      return ready !== null && isHeldBy(job, ready.lockTokenPrefixes);
    });
    if (holder === undefined || !holder.allJobsKnown() || holder.runningJobs().has(job.id)) return null;
    return holder.stats();
  };

  const giveBack = async (held: HeldJob): Promise<void> => {
    const job = await bareJob(held, redis);
    await job.moveToWait(held.token);
    logger.warn({ jobId: held.id }, 'Gave back an orphaned job: its child never received it');
  };

  const watch = async (): Promise<void> => {
    watching = true;
    for (; checksLeft > 0; checksLeft -= 1) {
      await sleep(CHECK_INTERVAL_MS, undefined, { signal: stopped.signal });
      await check().catch((error: unknown) =>
        logger.warn(`Cannot check for orphaned jobs: ${messageOf(error)}`),
      );
    }
    watching = false;
  };

  return {
    redisIsBack: () => {
      checksLeft = CHECKS;
      // It rejects only when it is stopped.
      if (!watching) watch().catch(() => undefined);
    },
    check,
    stop: () => stopped.abort(),
  };
}
