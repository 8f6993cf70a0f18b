import type { Job } from 'bullmq';
import type { Redis } from 'ioredis';
import { jobCrashesKey } from '../../shared/redis-keys.js';

/** Lets ordinary jobs run side by side and a suspect alone, in the order in which they come. */
export interface Gate {
  /**
   * Resolves when the job may run; what it resolves with is to be called when the job has ended.
   *
   * @throws the signal's reason once it has aborted
   */
  enter(alone: boolean, signal: AbortSignal): Promise<() => void>;
}

interface Waiting {
  readonly alone: boolean;
  readonly admit: () => void;
}

export function createGate(): Gate {
  const queue: Waiting[] = [];
  let inside = 0;
  let isTakenAlone = false;

  const admitNext = (): void => {
    for (;;) {
      const next = queue[0];
      if (next === undefined || isTakenAlone || (next.alone && inside > 0)) return;
      queue.shift();
      inside += 1;
      isTakenAlone = next.alone;
      next.admit();
    }
  };

  const leave = (): void => {
    inside -= 1;
    isTakenAlone = false;
    admitNext();
  };

  return {
    enter: (alone, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const onAbort = (): void => {
          const index = queue.indexOf(waiting);
          if (index < 0) return;
          queue.splice(index, 1);
          reject(signal.reason as Error);
          admitNext();
        };
        const waiting: Waiting = {
          alone,
          admit: () => {
            signal.removeEventListener('abort', onAbort);
            resolve(leave);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiting);
        admitNext();
      }),
  };
}

/**
 * A job over which a worker may have died: it runs alone, so that no other job is blamed when it happens again.
 *
 * The supervisor counts the deaths that it sees; BullMQ those of whole machines, as stalls.
 */
export async function isSuspect(
  job: Pick<Job, 'id' | 'queueQualifiedName' | 'stalledCounter' | 'attemptsStarted' | 'attemptsMade'>,
  redis: Pick<Redis, 'exists'>,
): Promise<boolean> {
  if (job.stalledCounter > 0) return true;
  // A first start needs no look.
  if (job.attemptsStarted - job.attemptsMade <= 1 || job.id === undefined) return false;
  return (await redis.exists(jobCrashesKey(job.queueQualifiedName, job.id))) > 0;
}
