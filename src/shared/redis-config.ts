/** One server of a cluster, or one Sentinel. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** How to reach Redis. `password` never appears in logs or command lines. */
export interface RedisConfig extends RedisNode {
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly tls: boolean;
  /** These Sentinels know the address of the primary; `host` and `port` are not used. */
  readonly sentinel?: {
    readonly nodes: readonly RedisNode[];
    /** Of the primary, as in `sentinel monitor <name> …`. */
    readonly name: string;
    readonly password: string | undefined;
  };
  /** Servers that know the whole cluster; `host` and `port` are not used. */
  readonly cluster?: readonly RedisNode[];
}

/** The variables that say where Redis is, after their own checks. */
export interface RedisEnvironment {
  readonly REDIS_URL?: string | undefined;
  readonly REDIS_HOST: string;
  readonly REDIS_PORT: number;
  readonly REDIS_USERNAME?: string | undefined;
  readonly REDIS_PASSWORD?: string | undefined;
  readonly REDIS_DB: number;
  readonly REDIS_TLS: boolean;
  readonly REDIS_SENTINELS?: readonly RedisNode[] | undefined;
  readonly REDIS_SENTINEL_NAME: string;
  readonly REDIS_SENTINEL_PASSWORD?: string | undefined;
  readonly REDIS_CLUSTER_NODES?: readonly RedisNode[] | undefined;
  readonly QUEUE_PREFIX?: string | undefined;
}

export function redisConfigOf(env: RedisEnvironment): RedisConfig {
  return {
    ...serverOf(env),
    ...(env.REDIS_SENTINELS !== undefined && {
      sentinel: {
        nodes: env.REDIS_SENTINELS,
        name: env.REDIS_SENTINEL_NAME,
        password: env.REDIS_SENTINEL_PASSWORD,
      },
    }),
    ...(env.REDIS_CLUSTER_NODES !== undefined && { cluster: env.REDIS_CLUSTER_NODES }),
  };
}

/** In a cluster, all keys of the queues must be on one server: those with the same text in braces are. */
export function queuePrefixOf({ QUEUE_PREFIX, REDIS_CLUSTER_NODES }: RedisEnvironment): string {
  return QUEUE_PREFIX ?? (REDIS_CLUSTER_NODES === undefined ? 'bull' : '{bull}');
}

/** Settings that are right by themselves, but not together. */
export function describeRedisConflicts(env: RedisEnvironment): string[] {
  if (env.REDIS_CLUSTER_NODES === undefined) return [];
  const problems: string[] = [];
  if (env.REDIS_SENTINELS !== undefined)
    problems.push('REDIS_SENTINELS must not be set together with REDIS_CLUSTER_NODES');
  if (serverOf(env).db !== 0)
    problems.push(
      'REDIS_DB must be 0 (also at the end of REDIS_URL), because a cluster has no other database',
    );
  const prefix = queuePrefixOf(env);
  if (!/\{[^}]+\}/.test(prefix)) {
    problems.push(
      `QUEUE_PREFIX must have a part in braces, for example {bull}, because all keys of a queue must be on one server of the cluster, but is ${JSON.stringify(prefix)}; the portal must use the same prefix`,
    );
  }
  return problems;
}

function serverOf(env: RedisEnvironment): RedisConfig {
  if (env.REDIS_URL === undefined) {
    return {
      host: env.REDIS_HOST,
      port: env.REDIS_PORT,
      username: env.REDIS_USERNAME,
      password: env.REDIS_PASSWORD,
      db: env.REDIS_DB,
      tls: env.REDIS_TLS,
    };
  }
  const url = new URL(env.REDIS_URL);
  return {
    host: withoutBrackets(url.hostname),
    port: url.port === '' ? 6379 : Number(url.port),
    username: decodePart(url.username),
    password: decodePart(url.password),
    db: Number(url.pathname.slice(1) || '0'),
    tls: url.protocol === 'rediss:',
  };
}

function decodePart(text: string): string | undefined {
  return text === '' ? undefined : decodeURIComponent(text);
}

/** @returns `null` for text that is not `host:port` or `host`; an IPv6 address is in brackets */
export function parseRedisNode(text: string, defaultPort: number): RedisNode | null {
  const address = `redis://${text.trim()}`;
  if (!URL.canParse(address)) return null;
  const { hostname, port, username, password, pathname, search, hash } = new URL(address);
  if (hostname === '' || username + password + pathname + search + hash !== '') return null;
  return { host: withoutBrackets(hostname), port: port === '' ? defaultPort : Number(port) };
}

function withoutBrackets(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
