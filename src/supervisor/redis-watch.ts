import type { Redis } from 'ioredis';
import type { Logger } from '../shared/logger.js';
import { checkRedis, checkRedisState, type RedisFinding } from '../shared/redis-check.js';
import type { RedisScope } from '../shared/redis-rights.js';

const INTERVAL_MS = 15_000;
/** While no worker can use Redis. */
const PROBLEM_INTERVAL_MS = 3000;
/** Checking the rights takes a connection and many commands. */
const CHECKS_PER_RIGHTS_CHECK = 20;

export interface RedisWatch {
  /** Why no worker can use Redis although it answers; `null` if they can. */
  problem(): string | null;
  start(): void;
  stop(): void;
}

/**
 * Checks Redis again and again, and logs each finding once. BullMQ runs INFO on each new connection and then fails without
 * it, so a worker whose user may not run INFO would look online and take no jobs.
 *
 * @param onSolved called once the workers could use Redis, if they were started anew
 */
export function createRedisWatch(
  redis: Redis,
  scope: RedisScope,
  logger: Logger,
  onSolved: () => void,
): RedisWatch {
  let problem: string | null = null;
  let known: ReadonlySet<string> = new Set();
  let checks = 0;
  let isChecking = false;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const take = (findings: readonly RedisFinding[]): void => {
    for (const { kind, sentence } of findings) {
      if (!known.has(sentence)) logger[kind === 'problem' ? 'error' : 'warn'](sentence);
    }
    known = new Set(findings.map(({ sentence }) => sentence));
    const before = problem;
    problem = findings.find(({ kind }) => kind === 'problem')?.sentence ?? null;
    if (before !== null && problem === null) onSolved();
  };

  const check = async (): Promise<void> => {
    if (redis.status !== 'ready' || isChecking) return;
    isChecking = true;
    try {
      const withRights = problem !== null || checks % CHECKS_PER_RIGHTS_CHECK === 0;
      take(await (withRights ? checkRedis(redis, scope) : checkRedisState(redis)));
      checks += 1;
    } catch {
      // The connection logs its errors.
    } finally {
      isChecking = false;
    }
  };

  const next = (): void => {
    timer = setTimeout(
      () => void check().finally(() => !stopped && next()),
      problem === null ? INTERVAL_MS : PROBLEM_INTERVAL_MS,
    );
  };

  return {
    problem: () => problem,
    start: () => {
      if (redis.status === 'ready') void check().finally(next);
      else redis.once('ready', () => void check().finally(next));
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
