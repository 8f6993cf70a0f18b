import { isIP } from 'node:net';
import { Redis } from 'ioredis';
import type { RedisConfig } from './config.js';
import type { Logger } from './logger.js';

/** Jobs are to be taken within two seconds of Redis' return, so that no retry may be further away than this. */
const MAX_RETRY_DELAY_MS = 500;
/**
 * An answer that is this late will not come: the network between us is gone and nobody said so. Longer than
 * BullMQ's longest blocking read (10 s), shorter than a job's lock (30 s).
 */
const SOCKET_TIMEOUT_MS = 20_000;

export interface RedisConnectionOptions {
  /** What `CLIENT LIST` shows. */
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
    // BullMQ requires it: a command waits until Redis is back, however long that takes.
    maxRetriesPerRequest: null,
  };
}

export function redisAddress({ host, port }: RedisConfig): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * A connection that never gives up: commands wait while Redis is away. It logs once when Redis goes (or is absent at
 * the start) and once when it is back. `disconnect()` ends it.
 */
export function createRedis(config: RedisConfig, logger: Logger, options: RedisConnectionOptions): Redis {
  const address = redisAddress(config);
  const redis = new Redis({
    ...redisOptions(config),
    connectionName: options.connectionName,
    retryStrategy: (attempt) => Math.min(50 * attempt, MAX_RETRY_DELAY_MS),
    // While Redis loads its data it is up but useless; ask again as often as for the connection itself.
    maxLoadingRetryTime: MAX_RETRY_DELAY_MS,
    // A primary that became a replica: connect again, to find the new one, and send the command there.
    reconnectOnError: (error) => (error.message.startsWith('READONLY') ? 2 : false),
    socketTimeout: SOCKET_TIMEOUT_MS,
  });
  let state: ConnectionState = { kind: 'connecting' };

  const away = (trouble: RedisTrouble, detail: string): void => {
    if (state.kind !== 'away') state = { kind: 'away', sinceMs: performance.now(), told: new Set() };
    if (state.told.has(trouble)) return;
    state.told.add(trouble);
    logger.error({ redis: address, detail }, describeTrouble(trouble, config));
  };

  redis.on('error', (error) => {
    const trouble = troubleOf(error);
    away(trouble, error.message);
    // ioredis would go on in database 0, which belongs to somebody else.
    if (trouble === 'database') redis.disconnect(true);
  });
  // Unlike `close`, this is not said of a connection that we closed ourselves.
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

/** Settles once Redis has answered, however long that takes. */
export function redisReady(redis: Redis): Promise<void> {
  return new Promise((resolve) => {
    if (redis.status === 'ready') resolve();
    else redis.once('ready', resolve);
  });
}

/** Whether an error only says that Redis is away, of which the connection itself has told already. */
export function isConnectionError(error: Error): boolean {
  if (error.name === 'ReplyError') return troubleOf(error) !== 'refused';
  // The operating system's errors carry a code in letters; ioredis' own are known by their text.
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
  /** `told`: what has been logged of this absence. */
  | { readonly kind: 'away'; readonly sinceMs: number; readonly told: Set<RedisTrouble> };

type RedisTrouble = 'unreachable' | 'credentials' | 'database' | 'refused';

function troubleOf(error: Error): RedisTrouble {
  if (/^(NOAUTH|WRONGPASS)|invalid (username-)?password/i.test(error.message)) return 'credentials';
  if (/DB index is out of range|invalid DB index/i.test(error.message)) return 'database';
  // What Redis itself answers starts with a word in capitals.
  return error.name === 'ReplyError' ? 'refused' : 'unreachable';
}

function describeTrouble(trouble: RedisTrouble, config: RedisConfig): string {
  switch (trouble) {
    case 'unreachable':
      return 'Redis is away; trying again until it is back';
    case 'credentials':
      return `Redis does not accept the ${config.password === undefined ? 'missing password' : 'user name or password'}; check REDIS_USERNAME and REDIS_PASSWORD, or the ones in REDIS_URL`;
    case 'database':
      return `Redis has no database ${config.db}; check REDIS_DB, or the number at the end of REDIS_URL`;
    case 'refused':
      return 'Redis refuses the connection; trying again until it does not';
  }
}
