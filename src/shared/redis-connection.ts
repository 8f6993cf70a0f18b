import type { Redis } from 'ioredis';
import type { Logger } from './logger.js';
import { openRedis, redisAddress } from './open-redis.js';
import type { RedisConfig } from './redis-config.js';
import { createRefusalLog } from './redis-refusals.js';

/** Workers must take jobs within two seconds after Redis is back. */
const MAX_RETRY_DELAY_MS = 500;
/** Detects a dead network. Longer than BullMQ's longest blocking read (10 s), shorter than a job's lock (30 s). */
const SOCKET_TIMEOUT_MS = 20_000;

export interface RedisConnectionOptions {
  /** Appears in `CLIENT LIST`. */
  readonly connectionName: string;
}

/**
 * Reconnects until `disconnect()`. Commands wait while Redis is unreachable. Logs once when Redis becomes unreachable and
 * once when it is back.
 */
export function createRedis(config: RedisConfig, logger: Logger, options: RedisConnectionOptions): Redis {
  const address = redisAddress(config);
  const refusals = createRefusalLog(logger, address);
  const reconnects = createReconnectPolicy();
  /** ioredis calls it with every error reply, on the options of this connection or of its duplicates. */
  const reconnectOnError = function (this: object, error: Error): false | 2 {
    refusals.add(error);
    // A cluster client learns by itself which server is the primary.
    const isReplica = config.cluster === undefined && error.message.startsWith('READONLY');
    const reconnect = isReplica && reconnects.mayReconnect(this);
    if (reconnect && this === redis.options) reconnectsByItself = true;
    return reconnect ? 2 : false;
  };
  const redis: Redis = openRedis(config, {
    connectionName: options.connectionName,
    retryStrategy: (attempt) => Math.min(50 * attempt, MAX_RETRY_DELAY_MS),
    // While Redis loads its data, ask again as often as for the connection itself.
    maxLoadingRetryTime: MAX_RETRY_DELAY_MS,
    reconnectOnError,
    socketTimeout: SOCKET_TIMEOUT_MS,
  });
  let state: ConnectionState = { kind: 'connecting' };
  let reconnectsByItself = false;

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
    if (state.kind !== 'away' && !reconnectsByItself) away('unreachable', 'The connection was closed.');
  });
  redis.on('ready', () => {
    if (reconnectsByItself) {
      // The refusal has been logged.
      reconnectsByItself = false;
    } else if (state.kind === 'away') {
      const awayS = ((performance.now() - state.sinceMs) / 1000).toFixed(1);
      logger.info({ redis: address }, `Redis is back after ${awayS} s`);
    } else {
      logger.info({ redis: address }, 'Connected to Redis');
    }
    state = { kind: 'up' };
  });
  return redis;
}

const FIRST_RECONNECT_DELAY_MS = 1000;
const MAX_RECONNECT_DELAY_MS = 30_000;

/**
 * After a failover, the address may lead to the new primary, so a READONLY reply is a reason to reconnect. If it leads to
 * a replica again, the next attempt waits longer each time.
 */
function createReconnectPolicy(): { mayReconnect(connection: object): boolean } {
  const attempts = new WeakMap<object, { readonly atMs: number; readonly delayMs: number }>();
  return {
    mayReconnect: (connection) => {
      const now = performance.now();
      const last = attempts.get(connection);
      if (last !== undefined && now < last.atMs + last.delayMs) return false;
      const isFirst = last === undefined || now > last.atMs + 2 * MAX_RECONNECT_DELAY_MS;
      const delayMs = isFirst ? FIRST_RECONNECT_DELAY_MS : Math.min(2 * last.delayMs, MAX_RECONNECT_DELAY_MS);
      attempts.set(connection, { atMs: now, delayMs });
      return true;
    },
  };
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
  // A cluster client wraps the error of the server that it asked last.
  const { message = error.message } = (error as { lastNodeError?: Error }).lastNodeError ?? {};
  if (/^(NOAUTH|WRONGPASS)|invalid (username-)?password/i.test(message)) return 'credentials';
  if (/DB index is out of range|invalid DB index/i.test(message)) return 'database';
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
