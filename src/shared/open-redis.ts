import { isIP } from 'node:net';
import { Cluster, Redis, type RedisOptions } from 'ioredis';
import type { RedisConfig, RedisNode } from './redis-config.js';

/** A request to a cluster that changes its primary is repeated for this long. */
const CLUSTER_RETRY = { delayMs: 250, times: 120 };

/**
 * The only place that creates Redis clients: of one server, of the primary that Sentinels know, or of a cluster. A cluster
 * client has the commands of `Redis`, and the code uses nothing else of it; see `redis-keyspace.ts` for several keys.
 *
 * @param options of one connection
 */
export function openRedis(config: RedisConfig, options: RedisOptions): Redis {
  const common: RedisOptions = {
    db: config.db,
    ...(config.username !== undefined && { username: config.username }),
    ...(config.password !== undefined && { password: config.password }),
    // BullMQ requires this: commands wait until Redis is back.
    maxRetriesPerRequest: null,
    ...options,
  };
  // TLS names the server, except by an IP address, which SNI does not allow.
  const tls = config.tls && { tls: isIP(config.host) === 0 ? { servername: config.host } : {} };
  const { retryStrategy, lazyConnect = false, ...ofNode } = common;
  const retry = (attempt: number): number | null => retryStrategy?.(attempt) || null;
  if (config.cluster !== undefined) {
    return new Cluster([...config.cluster], {
      redisOptions: { ...ofNode, ...(config.tls && { tls: {} }) },
      lazyConnect,
      clusterRetryStrategy: retry,
      retryDelayOnFailover: CLUSTER_RETRY.delayMs,
      retryDelayOnClusterDown: CLUSTER_RETRY.delayMs,
      maxRedirections: CLUSTER_RETRY.times,
    }) as unknown as Redis;
  }
  if (config.sentinel !== undefined) {
    const { nodes, name, password } = config.sentinel;
    return new Redis({
      ...common,
      sentinels: [...nodes],
      name,
      ...(password !== undefined && { sentinelPassword: password }),
      sentinelRetryStrategy: retry,
      ...(config.tls && { tls: {}, sentinelTLS: {}, enableTLSForSentinelMode: true }),
    });
  }
  return new Redis({ ...common, ...tls, host: config.host, port: config.port });
}

/** A second connection, for pub/sub or for blocking reads. The first one logs when Redis is away. */
export function duplicateRedis(redis: Redis, connectionName?: string): Redis {
  const own: RedisOptions = { lazyConnect: false, ...(connectionName !== undefined && { connectionName }) };
  const cluster = clusterOf(redis);
  const copy =
    cluster === null
      ? redis.duplicate(own)
      : (cluster.duplicate([], {
          lazyConnect: false,
          redisOptions: { ...cluster.options.redisOptions, ...own },
        }) as unknown as Redis);
  copy.on('error', () => undefined);
  return copy;
}

/** `null` if it is the client of one server. */
export function clusterOf(redis: Redis): Cluster | null {
  const client: unknown = redis;
  return client instanceof Cluster ? client : null;
}

/** For people. */
export function redisAddress({ host, port, sentinel, cluster }: RedisConfig): string {
  if (sentinel !== undefined) return `${sentinel.name} of Sentinel ${listOf(sentinel.nodes)}`;
  return cluster === undefined ? addressOf({ host, port }) : `cluster ${listOf(cluster)}`;
}

function listOf(nodes: readonly RedisNode[]): string {
  return nodes.map(addressOf).join(', ');
}

function addressOf({ host, port }: RedisNode): string {
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}
