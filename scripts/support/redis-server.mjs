import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';

/**
 * A real redis-server on a free port of the loopback interface, with its own data folder.
 *
 * @typedef {object} RedisServer
 * @property {number} port
 * @property {import('../../src/shared/redis-config.js').RedisConfig} config
 * @property {(signal?: 'SIGTERM' | 'SIGKILL') => Promise<void>} halt stops the server and keeps its data; SIGKILL
 *   stands for a power failure
 * @property {() => Promise<void>} start starts it again on the same port with the same data
 * @property {() => Promise<void>} restart
 * @property {(signal: 'SIGSTOP' | 'SIGCONT') => void} signal freezes and continues it: connections stay
 *   open, but get no answers
 * @property {() => Promise<void>} stop stops the server and removes its data
 */

/**
 * @typedef {{ appendOnly?: boolean, password?: string, settings?: Readonly<Record<string, string>> }} RedisServerOptions
 *   `appendOnly`: data survives a restart; `settings`: as in redis.conf
 */

/**
 * @param {RedisServerOptions} [options]
 * @returns {Promise<RedisServer>}
 */
export async function startRedisServer({ appendOnly = false, password, settings = {} } = {}) {
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-server-'));
  const port = await freePort();
  /** @type {import('node:child_process').ChildProcess | null} */
  let server = null;

  const start = async () => {
    server = await launch({
      port: String(port),
      bind: '127.0.0.1',
      dir: directory,
      save: '',
      appendonly: appendOnly ? 'yes' : 'no',
      appendfsync: 'always',
      ...(password !== undefined && { requirepass: password }),
      ...settings,
    });
  };
  const halt = async (/** @type {'SIGTERM' | 'SIGKILL'} */ signal = 'SIGTERM') => {
    const ending = server;
    server = null;
    if (ending === null) return;
    const exited = once(ending, 'exit');
    ending.kill(signal);
    await exited;
  };
  await start();

  return {
    port,
    config: { host: '127.0.0.1', port, username: undefined, password, db: 0, tls: false },
    halt,
    start,
    restart: async () => {
      await halt();
      await start();
    },
    signal: (signal) => {
      server?.kill(signal);
    },
    stop: async () => {
      await halt('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** @param {Readonly<Record<string, string>>} settings */
async function launch(settings) {
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  /** @type {string[]} */
  const lines = [];
  await new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`redis-server did not start:\n${lines.join('\n')}`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.includes('Ready to accept connections')) resolve(undefined);
    });
  });
  return server;
}

/** A free port of the loopback interface. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The socket has no port');
  return address.port;
}
