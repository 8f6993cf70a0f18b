import type { Redis } from 'ioredis';
import { messageOf } from './errors.js';
import { clusterOf } from './open-redis.js';
import { FORGOTTEN_CHANNEL, INDEX_KEYS, WORKERS_KEY } from './redis-keys.js';

/** The categories of commands that docs/operations.md lists. Those below are all in them. */
export const GRANTED_COMMANDS =
  '+@read +@write +@scripting +@transaction +@pubsub +@connection -@dangerous +info +time';

/** Commands of ours and of BullMQ's scripts, by the number of arguments that follow a key. */
const COMMANDS: readonly (readonly [number, string])[] = [
  [
    0,
    'del exists get getdel hgetall hlen hrandfield hvals incr llen lpop mget persist pttl rpop scard smembers',
  ],
  [0, 'type unlink zcard zpopmin'],
  [
    1,
    'bzpopmin expire hdel hexists hget hmget hstrlen lindex lpos lpush pexpire rename rpoplpush rpush sadd set',
  ],
  [1, 'sismember srem zrem zscore'],
  [2, 'hincrby hmset hset lrange lrem lset ltrim xrange xrevrange xtrim zadd zcount zrange zrangebyscore'],
  [2, 'zremrangebyrank zremrangebyscore zrevrange zrevrangebyscore'],
  [3, 'xadd'],
];

export interface RedisScope {
  /** Of BullMQ's keys. */
  readonly prefix: string;
}

/** The patterns of keys and channels that a user must have. */
export function grantedPatterns({ prefix }: RedisScope): { keys: string[]; channels: string[] } {
  return {
    keys: [`${prefix}:*`, WORKERS_KEY, 'worker:*', `${INDEX_KEYS}*`],
    channels: ['worker:*', FORGOTTEN_CHANNEL],
  };
}

/** The rule for a Redis user with exactly the rights that supervisor, child, dashboard and command line need. */
export function aclRule(scope: RedisScope): string {
  const { keys, channels } = grantedPatterns(scope);
  return [...keys.map((key) => `~${key}`), ...channels.map((name) => `&${name}`), GRANTED_COMMANDS].join(' ');
}

/**
 * Finds the rights that the user of this connection lacks. Redis checks the rights of a command when a transaction queues
 * it, so all commands are queued and then discarded; nothing runs.
 *
 * @returns rights as ACL SETUSER takes them, for example `+hset`, `~face-index:*`
 */
export async function findMissingRights(redis: Redis, scope: RedisScope): Promise<string[]> {
  const probe = connectProbe(redis);
  try {
    await probe.connect();
    if ((await refusalOf(probe.multi({ pipeline: false }))) !== null) return ['+multi'];
    const tries = [...commandsToTry(scope), ...patternsToTry(scope)].map(async ({ right, command }) => {
      const [name = '', ...args] = command;
      const refusal = await refusalOf(probe.call(name, ...args));
      return refusal === (right.startsWith('+') ? 'command' : 'pattern') ? [right] : [];
    });
    const discarded = refusalOf(probe.discard());
    const missing = (await Promise.all(tries)).flat();
    await discarded;
    const channels = grantedPatterns(scope).channels.map(exampleOf);
    if ((await refusalOf(probe.subscribe(...channels))) === 'command') missing.push('+subscribe');
    return missing;
  } finally {
    probe.disconnect();
  }
}

interface Try {
  readonly right: string;
  readonly command: readonly string[];
}

function commandsToTry(scope: RedisScope): Try[] {
  const { keys, channels } = grantedPatterns(scope);
  const key = exampleOf(keys[0] ?? '');
  const commands = [
    ...COMMANDS.flatMap(([count, names]) =>
      names.split(' ').map((name) => [name, key, ...Array.from({ length: count }, () => '1')]),
    ),
    ['xread', 'STREAMS', key, '0'],
    ['eval', 'return 1', '0'],
    ['evalsha', '0', '0'],
    ['scan', '0'],
    ['time'],
    ['info'],
    ['publish', exampleOf(channels[0] ?? ''), ''],
  ];
  return commands.map((command) => ({ right: `+${command[0]}`, command }));
}

function patternsToTry(scope: RedisScope): Try[] {
  const { keys, channels } = grantedPatterns(scope);
  return [
    ...keys.map((pattern) => ({ right: `~${pattern}`, command: ['get', exampleOf(pattern)] })),
    ...channels.map((pattern) => ({ right: `&${pattern}`, command: ['publish', exampleOf(pattern), ''] })),
  ];
}

/** What Redis does not grant; `null` if it grants all, or fails for another reason. */
async function refusalOf(reply: Promise<unknown>): Promise<'command' | 'pattern' | null> {
  try {
    await reply;
    return null;
  } catch (error) {
    if (!/NOPERM/.test(messageOf(error))) return null;
    return /\b(key|channel)s?\b/.test(messageOf(error)) ? 'pattern' : 'command';
  }
}

/** A connection that gives up at once. */
function connectProbe(redis: Redis): Redis {
  const node = clusterOf(redis)?.nodes('master')[0] ?? redis;
  const probe = node.duplicate({
    lazyConnect: true,
    enableReadyCheck: false,
    enableOfflineQueue: true,
    retryStrategy: () => null,
    sentinelRetryStrategy: () => null,
    reconnectOnError: null,
    connectionName: 'rights check',
  });
  probe.on('error', () => undefined);
  return probe;
}

/** A name that matches the pattern, and that nothing uses. */
function exampleOf(pattern: string): string {
  return pattern.endsWith('*') ? `${pattern.slice(0, -1)}rights-check` : pattern;
}
