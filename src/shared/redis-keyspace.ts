import type { Redis } from 'ioredis';
import { clusterOf } from './open-redis.js';

/* Work on many keys. The servers of a cluster each hold some of them, and refuse a command with keys of several servers. */

/** Keys of one SCAN step, few enough not to block Redis for long. */
const KEYS_PER_STEP = 1000;

/** All keys that match, in steps. */
export async function* scanKeys(redis: Redis, pattern: string): AsyncGenerator<string[]> {
  for (const node of clusterOf(redis)?.nodes('master') ?? [redis]) {
    const steps = node.scanStream({ match: pattern, count: KEYS_PER_STEP });
    for await (const keys of steps) if ((keys as string[]).length > 0) yield keys as string[];
  }
}

/** The value of each key in the same order, `null` for a missing one. */
export async function readKeys(redis: Redis, keys: readonly string[]): Promise<(string | null)[]> {
  if (keys.length === 0) return [];
  return clusterOf(redis) === null ? redis.mget([...keys]) : Promise.all(keys.map((key) => redis.get(key)));
}

/** Like `readKeys`, for binary values. */
export async function readBinaryKeys(redis: Redis, keys: readonly string[]): Promise<(Buffer | null)[]> {
  if (keys.length === 0) return [];
  return clusterOf(redis) === null
    ? redis.mgetBuffer([...keys])
    : Promise.all(keys.map((key) => redis.getBuffer(key)));
}

/** @returns how many of the keys existed */
export async function deleteKeys(redis: Redis, keys: readonly string[]): Promise<number> {
  if (keys.length === 0) return 0;
  if (clusterOf(redis) === null) return redis.unlink([...keys]);
  const deleted = await Promise.all(keys.map((key) => redis.unlink(key)));
  return deleted.reduce((sum, count) => sum + count, 0);
}
