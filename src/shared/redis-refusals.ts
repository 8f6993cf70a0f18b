import type { Logger } from './logger.js';

/** A refusal that comes again within this time is logged once. */
const SAME_REFUSAL_MS = 120_000;

/** Replies that mean Redis will refuse the same command again. */
const REFUSALS: readonly (readonly [RegExp, string])[] = [
  [/NOPERM|ACL failure/, 'Redis refuses a command to this user; grant the right that is missing'],
  [/^READONLY/, 'Redis is a read-only replica; waiting for a primary at this address'],
  [/\bOOM command not allowed/, 'Redis is full (maxmemory); free memory or raise maxmemory'],
  [/^MISCONF/, 'Redis refuses writes, because it cannot save its data to the disk'],
];

/** Whether Redis refuses all writes for now: it is full, a replica, or cannot save its data. */
export function refusesWrites(error: unknown): boolean {
  return error instanceof Error && /^READONLY|\bOOM command not allowed|^MISCONF/.test(error.message);
}

/** Logs the commands that Redis refuses: each kind once, and again after two minutes. */
export function createRefusalLog(logger: Logger, address: string): { add(error: Error): void } {
  const seenAt = new Map<string, number>();
  return {
    add: ({ message }) => {
      const refusal = REFUSALS.find(([pattern]) => pattern.test(message))?.[1];
      if (refusal === undefined) return;
      const key = /NOPERM|ACL/.test(message) ? message : refusal;
      const now = performance.now();
      const isNew = now - (seenAt.get(key) ?? -Infinity) > SAME_REFUSAL_MS;
      // Redis names the commands that it refuses, of which there are few.
      if (seenAt.size > 100) seenAt.clear();
      seenAt.set(key, now);
      if (isNew) logger.error({ redis: address, detail: message }, refusal);
    },
  };
}
