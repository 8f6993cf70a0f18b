import type { Redis } from 'ioredis';
import { type Config, loadConfig } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';
import { readFleet } from '../shared/fleet-records.js';
import { openRedis, redisAddress } from '../shared/open-redis.js';

const CONNECT_TIMEOUT_MS = 3000;
const RECONNECT_DELAY_MS = 1000;

export interface Connection {
  readonly config: Config;
  readonly redis: Redis;
}

interface ConnectOptions {
  /** Whether to connect again when Redis is back, once the first connection has worked. */
  readonly reconnects?: boolean;
}

/**
 * Loads the configuration and connects to its Redis. Unlike a worker it gives up at once: a person is waiting.
 *
 * @throws {ConfigError} the configuration is wrong
 * @throws {Error} Redis does not answer
 */
export async function connect(options: ConnectOptions = {}): Promise<Connection> {
  const config = loadConfig();
  return { config, redis: await connectRedis(config, options) };
}

/** @throws {Error} Redis does not answer */
export async function connectRedis(
  config: Config,
  { reconnects = false }: ConnectOptions = {},
): Promise<Redis> {
  let retryDelayMs: number | null = null;
  const redis = openRedis(config.redis, {
    connectionName: `command line:${config.hostname}`,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: () => retryDelayMs,
  });
  // ioredis reports the cause here; the rejected promise only says "Connection is closed."
  let cause: Error | null = null;
  redis.on('error', (error) => {
    cause = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw new Error(
      `Cannot use Redis at ${redisAddress(config.redis)}: ${messageOf(cause ?? error)}. Check REDIS_HOST, REDIS_PORT and REDIS_PASSWORD, or REDIS_URL.`,
      { cause: error },
    );
  }
  if (reconnects) {
    retryDelayMs = RECONNECT_DELAY_MS;
    redis.on('reconnecting', () => process.stderr.write('Redis is away; waiting for it.\n'));
    redis.on('ready', () => process.stderr.write('Redis is back.\n'));
  }
  return redis;
}

/**
 * Warns that jobs will wait until a worker is online.
 *
 * @param pack only a worker of this model pack will do
 */
export async function warnWithoutWorkers(redis: Redis, pack?: string): Promise<void> {
  const online = (await readFleet(redis)).filter(({ status }) => status === 'online');
  if (online.length === 0) {
    process.stderr.write('No worker is online; waiting for one. Start one with: node dist/supervisor.js\n');
  } else if (pack !== undefined && online.every(({ record }) => record.model_pack !== pack)) {
    process.stderr.write(
      `No worker with the model pack ${pack} is online; waiting for one. Start one with: MODEL_PACK=${pack} node dist/supervisor.js\n`,
    );
  }
}
