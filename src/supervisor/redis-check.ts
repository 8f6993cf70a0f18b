import type { Redis } from 'ioredis';
import { messageOf } from '../shared/errors.js';
import type { Logger } from '../shared/logger.js';

const INTERVAL_MS = 15_000;

export interface RedisCheck {
  /** Why no worker can use Redis although it answers; `null` if they can. */
  problem(): string | null;
  start(): void;
  stop(): void;
}

/**
 * BullMQ runs INFO on each new connection and then fails without it, so a worker whose user may not run INFO would look
 * online and take no jobs. The same command tells whether Redis may evict jobs.
 *
 * @param onSolved called once the workers could use Redis, if they were started anew
 */
export function createRedisCheck(redis: Redis, logger: Logger, onSolved: () => void): RedisCheck {
  let problem: string | null = null;
  let policyIsChecked = false;
  let timer: NodeJS.Timeout | undefined;

  const check = async (): Promise<void> => {
    if (redis.status !== 'ready') return;
    try {
      const info = await redis.info();
      if (problem !== null) onSolved();
      problem = null;
      if (!policyIsChecked) warnOfEviction(info);
      policyIsChecked = true;
    } catch (error) {
      // Other errors concern the connection, which logs them.
      if (!/NOPERM/.test(messageOf(error))) return;
      problem = `Redis does not let this user run INFO, which workers need: grant it with "ACL SETUSER ${redis.options.username ?? 'default'} +info"`;
    }
  };

  const warnOfEviction = (info: string): void => {
    const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1] ?? 'noeviction';
    if (policy === 'noeviction') return;
    logger.warn(
      `Redis' maxmemory-policy is ${policy}: when its memory is full, it deletes jobs and faces. Set it to noeviction.`,
    );
  };

  return {
    problem: () => problem,
    start: () => {
      timer = setInterval(() => void check(), INTERVAL_MS);
      void check();
    },
    stop: () => clearInterval(timer),
  };
}
