import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { freePort, startRedisServer } from './redis-server.mjs';

const run = promisify(execFile);
const POLL_MS = 50;
const TIMEOUT_MS = 20_000;

/**
 * A Redis Cluster of three primaries on the loopback interface.
 *
 * @returns {Promise<{ nodes: string, ports: readonly number[], stop: () => Promise<void> }>} `nodes`: as for REDIS_CLUSTER_NODES
 */
export async function startRedisCluster() {
  const servers = await Promise.all(
    [1, 2, 3].map(async () =>
      startRedisServer({
        settings: {
          'cluster-enabled': 'yes',
          'cluster-node-timeout': '2000',
          'cluster-port': String(await freePort()),
        },
      }),
    ),
  );
  const addresses = servers.map(({ port }) => `127.0.0.1:${port}`);
  await run('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-yes']);
  return {
    nodes: addresses.join(','),
    ports: servers.map(({ port }) => port),
    stop: async () => {
      await Promise.all(servers.map((server) => server.stop()));
    },
  };
}

/**
 * A primary with one replica, and a Sentinel that promotes the replica when the primary is gone for half a second.
 *
 * @returns {Promise<{ sentinels: string, killPrimary: () => Promise<void>, stop: () => Promise<void> }>} `sentinels`: as
 *   for REDIS_SENTINELS
 */
export async function startRedisSentinel() {
  const primary = await startRedisServer();
  const replica = await startRedisServer({ settings: { replicaof: `127.0.0.1 ${primary.port}` } });
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-sentinel-'));
  const port = await freePort();
  const file = path.join(directory, 'sentinel.conf');
  await writeFile(
    file,
    [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${directory}`,
      `sentinel monitor mymaster 127.0.0.1 ${primary.port} 1`,
      'sentinel down-after-milliseconds mymaster 500',
      'sentinel failover-timeout mymaster 2000',
    ].join('\n'),
  );
  const sentinel = spawn('redis-server', [file, '--sentinel'], { stdio: ['ignore', 'pipe', 'inherit'] });
  const started = createInterface({ input: sentinel.stdout });
  const exited = once(sentinel, 'exit');
  await Promise.race([
    (async () => {
      for await (const line of started) if (line.includes('+monitor')) return;
    })(),
    exited.then(() => Promise.reject(new Error('The Sentinel did not start'))),
  ]);
  sentinel.stdout.resume();
  const client = new Redis(port, '127.0.0.1');
  client.on('error', () => undefined);
  await until(async () => {
    const known = /** @type {unknown[]} */ (await client.call('SENTINEL', 'REPLICAS', 'mymaster'));
    return known.length === 1 && JSON.stringify(known).includes('"master-link-status","ok"');
  }, 'the Sentinel knows the replica');
  return {
    sentinels: `127.0.0.1:${port}`,
    killPrimary: () => primary.halt('SIGKILL'),
    stop: async () => {
      client.disconnect();
      sentinel.kill('SIGKILL');
      await exited;
      await Promise.all([primary.stop(), replica.stop()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * @param {() => Promise<boolean>} condition
 * @param {string} description
 */
async function until(condition, description) {
  for (const deadline = performance.now() + TIMEOUT_MS; !(await condition()); await sleep(POLL_MS)) {
    if (performance.now() > deadline) throw new Error(`Waited ${TIMEOUT_MS} ms in vain until ${description}`);
  }
}
