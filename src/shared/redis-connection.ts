import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import type { RedisConfig } from './config.js';
import type { Logger } from './logger.js';

/** Workers must take jobs within two seconds after Redis is back. */
const MAX_RETRY_DELAY_MS = 500;
/** Detects a dead network. Longer than BullMQ's longest blocking read (10 s), shorter than a job's lock (30 s). */
const SOCKET_TIMEOUT_MS = 20_000;

export interface RedisConnectionOptions {
  /** Appears in `CLIENT LIST`. */
  readonly connectionName: string;
}

/** Where Redis is and how to log in; the same for a worker and for a person at the command line. */
export function redisOptions(config: RedisConfig) {
  return {
    host: config.host,
    port: config.port,
    db: config.db,
    ...(config.username !== undefined && { username: config.username }),
    ...(config.password !== undefined && { password: config.password }),
    // TLS names the server, except by an IP address, which SNI does not allow.
    ...(config.tls && { tls: isIP(config.host) === 0 ? { servername: config.host } : {} }),
    // BullMQ requires this: commands wait until Redis is back.
    maxRetriesPerRequest: null,
  };
}

export function redisAddress({ host, port }: RedisConfig): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Reconnects until `disconnect()`. Commands wait while Redis is unreachable. Logs once when Redis becomes unreachable and
 * once when it is back.
 */
export function createRedis(config: RedisConfig, logger: Logger, options: RedisConnectionOptions): Redis {
  const address = redisAddress(config);
  const redis = new Redis({
    ...redisOptions(config),
    connectionName: options.connectionName,
    retryStrategy: (attempt) => Math.min(50 * attempt, MAX_RETRY_DELAY_MS),
    // While Redis loads its data, ask again as often as for the connection itself.
    maxLoadingRetryTime: MAX_RETRY_DELAY_MS,
    // The primary became a replica: reconnect to find the new primary and repeat the command there.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    socketTimeout: SOCKET_TIMEOUT_MS,
  });
  let state: ConnectionState = { kind: 'connecting' };

  const away = (trouble: RedisTrouble, detail: string): void => {
    if (state.kind !== 'away') state = { kind: 'away', sinceMs: performance.now(), logged: new Set() };
    if (state.logged.has(trouble)) return;
    state.logged.add(trouble);
    logger.error({ redis: address, detail }, describeTrouble(trouble, config));
  };

  redis.on('error', (error) => {
    const trouble = troubleOf(error);
    away(trouble, error.message);
    // Otherwise ioredis would continue in database 0.
    if (trouble === 'database') redis.disconnect(true);
  });
  // Unlike `close`, this event does not follow our own `disconnect()`.
  redis.on('reconnecting', () => {
    if (state.kind !== 'away') away('unreachable', 'The connection was closed.');
  });
  redis.on('ready', () => {
    if (state.kind === 'away') {
      const awayS = ((performance.now() - state.sinceMs) / 1000).toFixed(1);
      logger.info({ redis: address }, `Redis is back after ${awayS} s`);
    } else {
      logger.info({ redis: address }, 'Connected to Redis');
    }
    state = { kind: 'up' };
  });
  return redis;
}

/** Resolves once Redis has answered. */
export function redisReady(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (redis.status === 'ready') resolve();
    else redis.once('ready', resolve);
  });
}

/** Whether an error only says that Redis is unreachable, which the connection has logged already. */
export function isConnectionError(error: Error): boolean {
  if (error.name === 'ReplyError') return troubleOf(error) !== 'refused';
  // Errors of the operating system have a textual code. Those of ioredis only have a message.
  return (
    typeof (error as NodeJS.ErrnoException).code === 'string' ||
    /^(Connection is closed|Socket timeout|Command aborted due to connection close)/.test(error.message)
  );
}

/**
 *   connecting ──ready──▶ up ──closed──▶ away ──ready──▶ up
 *        └──error──▶ away
 */
type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'up' }
  /** `logged`: the problems that have been logged since then. */
  | { readonly kind: 'away'; readonly sinceMs: number; readonly logged: Set<RedisTrouble> };

type RedisTrouble = 'unreachable' | 'credentials' | 'database' | 'refused';

function troubleOf(error: Error): RedisTrouble {
  if (/^(NOAUTH|WRONGPASS)|invalid (username-)?password/i.test(error.message)) return 'credentials';
  if (/DB index is out of range|invalid DB index/i.test(error.message)) return 'database';
  return error.name === 'ReplyError' ? 'refused' : 'unreachable';
}

function describeTrouble(trouble: RedisTrouble, config: RedisConfig): string {
  switch (trouble) {
    case 'unreachable':
      return 'Redis is unreachable; retrying until it is back';
    case 'credentials':
      return `Redis does not accept the ${config.password === undefined ? 'missing password' : 'user name or password'}; check REDIS_USERNAME and REDIS_PASSWORD, or the ones in REDIS_URL`;
    case 'database':
      return `Redis has no database ${config.db}; check REDIS_DB, or the number at the end of REDIS_URL`;
    case 'refused':
      return 'Redis refuses the connection; retrying';
  }
}
