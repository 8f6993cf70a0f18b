import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import { countJobCrash, crashedTooOften, MAX_JOB_CRASHES } from '../../shared/job-crashes.js';
import type { Logger } from '../../shared/logger.js';
import { bareJob, type HeldJob, isHeldBy, listHeldJobs } from './held-jobs.js';
import type { OpenQueues } from './open-queues.js';

/** Redis may process commands of a dead child after our first search for its jobs, so we search again. */
const SECOND_SEARCH_AFTER_MS = 500;

export interface DeadChild {
  readonly lockTokenPrefixes: readonly string[];
  /** Jobs that were running in the child. One of them may have crashed it. */
  readonly suspects: ReadonlySet<string>;
  /** Whether the child ended without a command. Otherwise no job is blamed. */
  readonly crashed: boolean;
  readonly description: string;
}

export interface JobRecovery {
  /** Gives the jobs of a dead child back to the queue at once. They keep all their attempts. */
  recover(child: DeadChild): void;
  /** Resolves once every dead child's jobs are given back. */
  settled(): Promise<void>;
}

/**
 * Finds the jobs of a dead child by the tokens of their locks in Redis. So it also finds jobs that the child had no
 * time to report. BullMQ's stall check, 30 s or more later, is the fallback.
 */
export function createJobRecovery(openQueues: OpenQueues, redis: Redis, logger: Logger): JobRecovery {
  const returnJobs = async (child: DeadChild): Promise<void> => {
    const queues = await openQueues();
    const held = (await listHeldJobs(queues, redis)).filter((job) => isHeldBy(job, child.lockTokenPrefixes));
    const [, indexQueue] = queues;
    const outcomes = await Promise.allSettled(
      held.map((job) => giveBack(child, job, job.queue === indexQueue)),
    );
    const errors = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
    if (errors.length > 0) throw new AggregateError(errors, errors.map(messageOf).join('; '));
  };

  const giveBack = async (child: DeadChild, held: HeldJob, isBatch: boolean): Promise<void> => {
    const { id, token } = held;
    const crashes =
      child.crashed && child.suspects.has(id) ? await countJobCrash(redis, held.queue.qualifiedName, id) : 0;
    const job = await bareJob(held, redis);
    // The next child splits a batch with this many crashes, so that a bad photo does not block the others.
    if (crashes < MAX_JOB_CRASHES || isBatch) {
      await job.moveToWait(token);
      logger.warn({ jobId: id, crashes }, 'Gave a job of a dead child back to the queue');
      return;
    }
    const { UnrecoverableError } = await import('bullmq');
    const reason = crashedTooOften(crashes, child.description);
    await job.log(reason.detail);
    await job.moveToFailed(new UnrecoverableError(reason.message), token);
    logger.error({ jobId: id, crashes, detail: reason.detail }, 'Failed a job that crashed too many workers');
  };

  const recover = async (child: DeadChild): Promise<void> => {
    try {
      await returnJobs(child);
      await sleep(SECOND_SEARCH_AFTER_MS);
      await returnJobs(child);
    } catch (error) {
      logger.error(
        `Cannot give back the jobs of a dead child: ${messageOf(error)}. The stall check returns them within a minute.`,
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
