import { setTimeout as sleep } from 'node:timers/promises';
import { type Redis, ReplyError } from 'ioredis';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { RedisConfig } from '../../src/shared/redis-config.js';
import { createRedis, isConnectionError, redisReady } from '../../src/shared/redis-connection.js';
import { recordLog } from '../support/log-recorder.js';
import {
  freePort,
  type RedisServer,
  type RedisServerOptions,
  startRedisServer,
} from '../../scripts/support/redis-server.mjs';

let server: RedisServer | null;
let redis: Redis | null;
let log: ReturnType<typeof recordLog>;

beforeEach(() => {
  log = recordLog();
});
afterEach(async () => {
  redis?.disconnect();
  await server?.stop();
  redis = null;
  server = null;
});

async function serve(options?: RedisServerOptions): Promise<RedisServer> {
  server = await startRedisServer(options);
  return server;
}

function connect(config: RedisConfig): Redis {
  redis = createRedis(config, log.logger, { connectionName: 'test' });
  return redis;
}

/** Unlike `events.once`, ignores `error` events. */
function emitted(connection: Redis, event: string): Promise<void> {
  return new Promise((resolve) => {
    connection.once(event, () => resolve());
  });
}

/** Waits for a number of failed attempts to connect. */
async function attempts(connection: Redis, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await emitted(connection, 'reconnecting');
}

const errors = () => log.lines.filter((line) => line.level === 'error').map((line) => line.msg);
const infos = () => log.lines.filter((line) => line.level === 'info').map((line) => line.msg);

const withCode = (message: string, code: string | number) => Object.assign(new Error(message), { code });

describe('isConnectionError', () => {
  test.each([
    [withCode('connect ECONNREFUSED 127.0.0.1:1', 'ECONNREFUSED'), true],
    [withCode('read ECONNRESET', 'ECONNRESET'), true],
    [new Error('Connection is closed.'), true],
    [new Error("Socket timeout. Expecting data, but didn't receive any in 20000ms."), true],
    [new ReplyError('NOAUTH Authentication required.'), true],
    [new ReplyError("NOPERM this user has no permissions to run the 'evalsha' command"), false],
    [new ReplyError("OOM command not allowed when used memory > 'maxmemory'."), false],
    [withCode('Missing lock for job 1. moveToFinished', -2), false],
    [new Error('could not renew lock for job 1'), false],
  ])('%s: %s', (error, expected) => {
    expect(isConnectionError(error)).toBe(expected);
  });
});

describe('createRedis', () => {
  test('connects, and Redis shows its name', async () => {
    const connection = connect((await serve()).config);
    await redisReady(connection);
    expect(await connection.client('GETNAME')).toBe('test');
    expect(infos()).toEqual(['Connected to Redis']);
  });

  test('logs once that Redis is unreachable and once that it is back, and then runs the waiting commands', async () => {
    const running = await serve();
    const connection = connect(running.config);
    await redisReady(connection);

    const away = attempts(connection, 4);
    await running.halt();
    await away;
    const answer = connection.set('key', 'value');
    await running.start();

    expect(await answer).toBe('OK');
    expect(errors()).toEqual(['Redis is unreachable; retrying until it is back']);
    expect(infos()).toEqual(['Connected to Redis', expect.stringMatching(/^Redis is back after \d+\.\d s$/)]);
  });

  test('logs every outage', async () => {
    const running = await serve();
    const connection = connect(running.config);
    for (let n = 0; n < 2; n += 1) {
      await redisReady(connection);
      const gone = emitted(connection, 'reconnecting');
      await running.halt();
      await gone;
      await running.start();
    }
    await redisReady(connection);
    expect(errors()).toHaveLength(2);
    expect(infos()).toHaveLength(3);
  });

  test('waits for a Redis that is not running at start-up, and logs that once', async () => {
    const connection = connect({
      host: '127.0.0.1',
      port: await freePort(),
      username: undefined,
      password: undefined,
      db: 0,
      tls: false,
    });
    await attempts(connection, 4);
    expect(errors()).toEqual(['Redis is unreachable; retrying until it is back']);
  });

  test('retries at least twice a second, however long Redis is unreachable', async () => {
    const connection = connect((await serve()).config);
    const delaysMs = [1, 10, 100, 100_000].map((attempt) => connection.options.retryStrategy?.(attempt));
    expect(delaysMs).toEqual([50, 500, 500, 500]);
  });

  test('logs nothing about a connection that was closed on purpose', async () => {
    const connection = connect((await serve()).config);
    await redisReady(connection);
    const ended = emitted(connection, 'end');
    connection.disconnect();
    await ended;
    expect(errors()).toEqual([]);
  });

  test.each([
    ['a missing password', undefined, /does not accept the missing password; check REDIS_USERNAME/],
    ['a wrong password', 'wrong-secret', /does not accept the user name or password; check REDIS_USERNAME/],
  ])('explains %s once, and connects as soon as it is accepted', async (_case, password, sentence) => {
    const running = await serve({ password: 'right-secret' });
    const connection = connect({ ...running.config, password });
    await attempts(connection, 4);
    expect(errors()).toEqual([expect.stringMatching(sentence)]);
    expect(log.text()).not.toMatch(/(right|wrong)-secret/);

    const admin = createRedis(running.config, recordLog().logger, { connectionName: 'admin' });
    await admin.config('SET', 'requirepass', password ?? '');
    await redisReady(connection);
    admin.disconnect();
    expect(infos()).toEqual([expect.stringMatching(/^Redis is back/)]);
  });

  test('explains that Redis does not have the database, and never uses another one', async () => {
    const running = await serve({ settings: { databases: '4' } });
    const connection = connect({ ...running.config, db: 7 });
    const ready = vi.fn();
    connection.on('ready', ready);
    void connection.set('key', 'value').catch(() => {});
    await attempts(connection, 4);

    expect(errors()).toEqual([expect.stringMatching(/^Redis has no database 7; check REDIS_DB/)]);
    expect(ready).not.toHaveBeenCalled();
    const admin = createRedis(running.config, recordLog().logger, { connectionName: 'admin' });
    expect(await admin.get('key')).toBeNull();
    admin.disconnect();
  });

  test('reconnects and repeats the command if Redis does not answer', async () => {
    const running = await serve();
    const connection = connect(running.config);
    await redisReady(connection);
    connection.options.socketTimeout = 300;
    const closed = emitted(connection, 'reconnecting');
    running.signal('SIGSTOP');
    const answer = connection.set('key', 'value');
    await closed;
    running.signal('SIGCONT');
    expect(await answer).toBe('OK');
    expect(errors()).toHaveLength(1);
  });

  test('backs off from a replica, says once that it is one, and works when it becomes the primary', async () => {
    const primary = await startRedisServer();
    const running = await serve({ settings: { replicaof: `127.0.0.1 ${primary.port}` } });
    const connection = connect(running.config);
    await redisReady(connection);
    const connects = vi.fn();
    connection.on('connect', connects);
    const attempt = () => connection.set('key', 'value').catch((error: Error) => error.message);
    for (let n = 0; n < 40; n += 1) await Promise.race([attempt(), sleep(50)]);
    expect(connects.mock.calls.length).toBeLessThanOrEqual(3);
    expect(errors()).toEqual([expect.stringMatching(/^Redis is a read-only replica/)]);
    expect(infos()).toEqual(['Connected to Redis']);
    await connection.call('REPLICAOF', 'NO', 'ONE');
    await expect.poll(attempt, { timeout: 10_000 }).toBe('OK');
    await primary.stop();
  });

  test('says once which command Redis refuses to its user', async () => {
    const running = await serve();
    const admin = createRedis(running.config, recordLog().logger, { connectionName: 'admin' });
    await admin.call('ACL', 'SETUSER', 'worker', 'on', '>secret', '~*', '&*', '+@all', '-@dangerous', '-set');
    const connection = connect({ ...running.config, username: 'worker', password: 'secret' });
    for (let n = 0; n < 5; n += 1) await connection.set('key', 'value').catch(() => undefined);
    const refusals = log.lines.filter(
      ({ msg, detail }) => /refuses a command/.test(msg) && /'set'/.test(String(detail)),
    );
    expect(refusals).toHaveLength(1);
    admin.disconnect();
  });

  test('says once that Redis is full', async () => {
    const running = await serve({ settings: { maxmemory: '100000' } });
    const connection = connect(running.config);
    const attempt = () => connection.set('key', 'value').catch((error: Error) => error.message);
    for (let n = 0; n < 5; n += 1) expect(await attempt()).toMatch(/^OOM/);
    expect(errors()).toEqual([expect.stringMatching(/^Redis is full \(maxmemory\)/)]);
    await connection.config('SET', 'maxmemory', '0');
    expect(await attempt()).toBe('OK');
  });
});
