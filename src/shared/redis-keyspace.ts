import type { Redis } from 'ioredis';
import { clusterOf } from './open-redis.js';

/*
 * Commands that concern several servers of a cluster. Each holds some of the keys, and refuses a command with keys of
 * others.
 */

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

/** @returns the number of receivers. The reply of PUBLISH counts only those that are connected to the same server. */
export async function publish(redis: Redis, channel: string, message: string): Promise<number> {
  const cluster = clusterOf(redis);
  if (cluster === null) return redis.publish(channel, message);
  const replies = await Promise.all(cluster.nodes('all').map((node) => node.pubsub('NUMSUB', channel)));
  await redis.publish(channel, message);
  return replies.reduce<number>((sum, reply) => sum + Number(reply[1] ?? 0), 0);
}
