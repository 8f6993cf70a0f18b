import type { Redis } from 'ioredis';
import { messageOf } from './errors.js';
import { clusterOf } from './open-redis.js';
import { findMissingRights, type RedisScope } from './redis-rights.js';

/** `problem`: workers cannot take jobs. */
export interface RedisFinding {
  readonly kind: 'problem' | 'warning';
  readonly code: 'RIGHTS_MISSING' | 'READ_ONLY' | 'MAY_EVICT' | 'NEARLY_FULL' | 'IS_A_CLUSTER' | 'TOO_OLD';
  /** For operators: what is wrong, and what to do. */
  readonly sentence: string;
}

/** HRANDFIELD, and BullMQ's own advice. */
const OLDEST_VERSION = [6, 2] as const;
const NEARLY_FULL = 0.9;

/**
 * Checks whether a Redis that answers can serve workers: the rights of its user, its memory, its role and its version.
 *
 * @throws {Error} the connection, which logs it
 */
export async function checkRedis(redis: Redis, scope: RedisScope): Promise<RedisFinding[]> {
  const missing = await findMissingRights(redis, scope);
  const findings = missing.includes('+info') ? [] : await checkRedisState(redis);
  if (missing.length === 0) return findings;
  return [
    { kind: 'problem', code: 'RIGHTS_MISSING', sentence: describeMissing(redis, missing) },
    ...findings,
  ];
}

/** The part that changes while Redis runs, in one command. @throws {Error} the connection, or `NOPERM` */
export async function checkRedisState(redis: Redis): Promise<RedisFinding[]> {
  let text: string;
  try {
    text = await redis.info();
  } catch (error) {
    if (!/NOPERM/.test(messageOf(error))) throw error;
    return [{ kind: 'problem', code: 'RIGHTS_MISSING', sentence: describeMissing(redis, ['+info']) }];
  }
  const field = (name: string): string => new RegExp(`^${name}:(\\S*)`, 'm').exec(text)?.[1] ?? '';
  const findings: RedisFinding[] = [];
  const policy = field('maxmemory_policy') || 'noeviction';
  if (policy !== 'noeviction') {
    findings.push({
      kind: 'warning',
      code: 'MAY_EVICT',
      sentence: `Redis' maxmemory-policy is ${policy}: when its memory is full, it deletes jobs and faces. Set it to noeviction.`,
    });
  }
  const [used, most] = [Number(field('used_memory')), Number(field('maxmemory'))];
  if (most > 0 && used > NEARLY_FULL * most) {
    findings.push({
      kind: 'warning',
      code: 'NEARLY_FULL',
      sentence: `Redis uses ${Math.round((100 * used) / most)} % of its maxmemory: when it is full, no job can be added or completed. Free memory or raise maxmemory.`,
    });
  }
  if (field('role') === 'slave' && clusterOf(redis) === null) {
    findings.push({
      kind: 'warning',
      code: 'READ_ONLY',
      sentence:
        'Redis is a read-only replica: no worker can take jobs. Use the address of its primary, or REDIS_SENTINELS.',
    });
  }
  if (field('cluster_enabled') === '1' && clusterOf(redis) === null) {
    findings.push({
      kind: 'warning',
      code: 'IS_A_CLUSTER',
      sentence: 'This Redis is a server of a cluster: set REDIS_CLUSTER_NODES, and a QUEUE_PREFIX in braces.',
    });
  }
  const version = field('redis_version');
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor < OLDEST_VERSION[1])) {
    findings.push({
      kind: 'warning',
      code: 'TOO_OLD',
      sentence: `Redis ${version} is too old: use ${OLDEST_VERSION.join('.')} or later.`,
    });
  }
  return findings;
}

function describeMissing(redis: Redis, rights: readonly string[]): string {
  const options = clusterOf(redis)?.options.redisOptions ?? redis.options;
  return `Redis does not give this user all rights that workers need: grant ${rights.length === 1 ? 'it' : 'them'} with "ACL SETUSER ${options.username ?? 'default'} ${rights.join(' ')}"`;
}
