import { Redis } from 'ioredis';
import { type Config, loadConfig } from '../shared/config.js';
import { messageOf } from '../shared/errors.js';

const CONNECT_TIMEOUT_MS = 3000;

export interface Connection {
  readonly config: Config;
  readonly redis: Redis;
}

/**
 * The configuration, and a connection to its Redis. A person waits: it does not try for ever.
 *
 * @throws {ConfigError} the configuration is wrong
 * @throws {Error} Redis does not answer
 */
export async function connect(): Promise<Connection> {
  const config = loadConfig();
  const { host, port, username, password, db, tls } = config.redis;
  const redis = new Redis({
    host,
    port,
    db,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls && { tls: {} }),
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    maxRetriesPerRequest: null,
    retryStrategy: () => null,
  });
  let trouble: Error | null = null;
  redis.on('error', (error) => {
    trouble = error;
  });
  try {
    await redis.connect();
    await redis.ping();
  } catch (error) {
    throw new Error(
      `Redis at ${host}:${port} cannot be used (${messageOf(trouble ?? error)}); check REDIS_HOST, REDIS_PORT and REDIS_PASSWORD.`,
      { cause: error },
    );
  }
  return { config, redis };
}
