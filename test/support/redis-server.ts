import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { RedisConfig } from '../../src/shared/config.js';

export interface RedisServerOptions {
  /** Whether what was written is still there after a restart. */
  readonly appendOnly?: boolean;
  readonly password?: string;
  /** Further settings, as in redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A real redis-server on a free port of the loopback interface, with its data in a folder of its own. */
export interface RedisServer {
  readonly port: number;
  readonly config: RedisConfig;
  /** Ends the server as an operator does and keeps its data; SIGKILL ends it as a power failure does. */
  halt(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
  /** Starts it again on the same port with the same data. */
  start(): Promise<void>;
  restart(): Promise<void>;
  /** Freezes and thaws it: connections stay open and nobody answers. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** Ends the server and removes its data. */
  stop(): Promise<void>;
}

export async function startRedisServer(options: RedisServerOptions = {}): Promise<RedisServer> {
  const directory = await mkdtemp(path.join(tmpdir(), 'redis-server-'));
  const port = await freePort();
  let server: ChildProcess | null = null;

  const start = async (): Promise<void> => {
    server = await launch({
      port: String(port),
      bind: '127.0.0.1',
      dir: directory,
      save: '',
      appendonly: options.appendOnly ? 'yes' : 'no',
      appendfsync: 'always',
      ...(options.password !== undefined && { requirepass: options.password }),
      ...options.settings,
    });
  };
  const halt = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> => {
    const process = server;
    server = null;
    if (process === null) return;
    const exited = once(process, 'exit');
    process.kill(signal);
    await exited;
  };
  await start();

  return {
    port,
    config: {
      host: '127.0.0.1',
      port,
      username: undefined,
      password: options.password,
      db: 0,
      tls: false,
    },
    halt,
    start,
    restart: async () => {
      await halt();
      await start();
    },
    signal: (signal) => void server?.kill(signal),
    stop: async () => {
      await halt('SIGKILL');
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function launch(settings: Readonly<Record<string, string>>): Promise<ChildProcess> {
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]);
  const server = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', () => reject(new Error(`redis-server did not start:\n${lines.join('\n')}`)));
    createInterface({ input: server.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.includes('Ready to accept connections')) resolve();
    });
  });
  return server;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('The socket has no port');
  return address.port;
}
