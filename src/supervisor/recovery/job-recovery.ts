import { setTimeout as sleep } from 'node:timers/promises';
import { type Queue, UnrecoverableError } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import { countJobCrash, crashedTooOften, MAX_JOB_CRASHES } from '../../shared/job-crashes.js';
import type { Logger } from '../../shared/logger.js';
import { bareJob, type HeldJob, isHeldBy, listHeldJobs } from './held-jobs.js';

/** Commands that a child had sent before it died may reach Redis after the first look. */
const SECOND_LOOK_AFTER_MS = 500;

export interface DeadChild {
  readonly lockTokenPrefixes: readonly string[];
  /** Jobs that were running in it: one of them may have killed it. */
  readonly suspects: ReadonlySet<string>;
  /** Whether the child ended unasked; otherwise nobody is to blame. */
  readonly crashed: boolean;
  readonly description: string;
}

export interface JobRecovery {
  /** Gives the jobs that a dead child held back to the queue at once, without an attempt being consumed. */
  recover(child: DeadChild): void;
  /** Resolves once every dead child's jobs are given back. */
  settled(): Promise<void>;
}

/**
 * A dead child's jobs are those on the active list whose lock token is one of the child's: Redis knows
 * even those of which the child had no time to tell. BullMQ's own stall detection, 30 s or more later, stays as the net below.
 *
 * @param queues the search queue, and its index queue
 */
export function createJobRecovery(queues: readonly Queue[], redis: Redis, logger: Logger): JobRecovery {
  const [, indexQueue] = queues;
  const look = async (child: DeadChild): Promise<void> => {
    const held = (await listHeldJobs(queues, redis)).filter((job) => isHeldBy(job, child.lockTokenPrefixes));
    const outcomes = await Promise.allSettled(held.map((job) => giveBack(child, job)));
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (errors.length > 0) throw new AggregateError(errors, errors.map(messageOf).join('; '));
  };

  const giveBack = async (child: DeadChild, held: HeldJob): Promise<void> => {
    const { id, token } = held;
    const crashes =
      child.crashed && child.suspects.has(id) ? await countJobCrash(redis, held.queue.qualifiedName, id) : 0;
    const job = await bareJob(held, redis);
    // The child that takes a batch splits it after as many crashes, so that one photo cannot take the others down.
    if (crashes < MAX_JOB_CRASHES || held.queue === indexQueue) {
      await job.moveToWait(token);
      logger.warn({ jobId: id, crashes }, 'Gave a job of a child that died back to the queue');
      return;
    }
    const reason = crashedTooOften(crashes, child.description);
    await job.log(reason.detail);
    await job.moveToFailed(new UnrecoverableError(reason.message), token);
    logger.error({ jobId: id, crashes, detail: reason.detail }, 'Failed a job that crashed too many workers');
  };

  const recover = async (child: DeadChild): Promise<void> => {
    try {
      await look(child);
      await sleep(SECOND_LOOK_AFTER_MS);
      await look(child);
    } catch (error) {
      logger.error(
        `Could not give back the jobs of a child that died: ${messageOf(error)}. The stall check returns them within a minute.`,
      );
    }
  };

  const pending = new Set<Promise<void>>();
  return {
    recover: (child) => {
      const work = recover(child).finally(() => pending.delete(work));
      pending.add(work);
    },
    settled: async () => {
      await Promise.all(pending);
    },
  };
}
