import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { ChildReady, ChildStats } from '../../shared/ipc.js';
import type { Logger } from '../../shared/logger.js';
import { bareJob, type HeldJob, isHeldBy, listHeldJobs } from './held-jobs.js';

/** Longer than the time between two pongs. */
const LOOK_INTERVAL_MS = 3000;
/** A child may learn later than the supervisor that its connection has broken: redis-connection's socket timeout. */
const LOOKS = 10;

/** What has to be known of a child to tell its orphanedJobs. */
export interface JobHolder {
  ready(): Pick<ChildReady, 'lockTokenPrefixes'> | null;
  stats(): ChildStats | null;
  runningJobs(): ReadonlyMap<string, unknown>;
  allJobsKnown(): boolean;
}

export interface OrphanedJobs {
  /** Looks for strays for half a minute. */
  redisIsBack(): void;
  /** Gives back the jobs that were strays at the look before, too. */
  look(): Promise<void>;
  stop(): void;
}

/**
 * A job that Redis gave to a child whose connection broke before the answer came is a stray: active, locked in
 * the child's name, and unknown to it. BullMQ's stall check would find it after up to a minute.
 *
 * A job counts as a stray where the child, asked after the first look, still does not have it; it is then the
 * lock's token that keeps a child whose answer is later still from ending the job twice.
 */
export function createOrphanedJobs(
  queues: readonly Queue[],
  redis: Redis,
  children: () => readonly JobHolder[],
  logger: Logger,
): OrphanedJobs {
  const stopped = new AbortController();
  let looksLeft = 0;
  let watching = false;
  /** Job that may be a stray -> what its child had said last when it was first seen. */
  let seen: ReadonlyMap<string, ChildStats> = new Map();

  const look = async (): Promise<void> => {
    const unknown = new Map<string, ChildStats>();
    for (const job of await listHeldJobs(queues, redis)) {
      const stats = statsOfUnaware(job);
      if (stats === null) continue;
      // One job after another may have the same token.
      const key = `${job.id} ${job.token}`;
      const statsBefore = seen.get(key) ?? stats;
      if (statsBefore === stats) unknown.set(key, stats);
      else await giveBack(job);
    }
    seen = unknown;
  };

  /** What the child that holds the job said last, `null` where it may know of the job. */
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
    logger.warn({ jobId: held.id }, 'Gave back a job of which its child had never heard');
  };

  const watch = async (): Promise<void> => {
    watching = true;
    for (; looksLeft > 0; looksLeft -= 1) {
      await sleep(LOOK_INTERVAL_MS, undefined, { signal: stopped.signal });
      await look().catch((error: unknown) =>
        logger.warn(`Cannot look for orphanedJobs: ${messageOf(error)}`),
      );
    }
    watching = false;
  };

  return {
    redisIsBack: () => {
      looksLeft = LOOKS;
      // Ends with an error only when it is stopped.
      if (!watching) watch().catch(() => undefined);
    },
    look,
    stop: () => stopped.abort(),
  };
}
