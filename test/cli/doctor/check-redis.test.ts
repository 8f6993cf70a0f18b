import { tmpdir } from 'node:os';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import {
  checkRedisAndClock,
  describeDifference,
  secondsBehind,
} from '../../../src/cli/doctor/check-redis.js';
import { loadConfig } from '../../../src/shared/config.js';
import { aclRule } from '../../../src/shared/redis-rights.js';

let server: RedisServer;
let admin: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  admin = new Redis(server.port, '127.0.0.1');
});
afterAll(async () => {
  admin.disconnect();
  await server.stop();
});

const check = (environment: Record<string, string> = {}) =>
  checkRedisAndClock(loadConfig({ REDIS_PORT: String(server.port), ...environment }, tmpdir()));

describe('the check of Redis', () => {
  it('names the version, and compares the clocks', async () => {
    expect(await check()).toEqual([
      {
        topic: 'Redis',
        level: 'ok',
        sentence: expect.stringMatching(/^\d+\.\d+\.\d+ at 127\.0\.0\.1:\d+: rights, role and memory policy/),
      },
      { topic: 'clock', level: 'ok', sentence: expect.stringMatching(/^\d\.\d s from the clock of Redis/) },
    ]);
  });

  it('is an error if Redis is away or refuses the password', async () => {
    expect(await check({ REDIS_PORT: '1' })).toMatchObject([
      { level: 'error', sentence: expect.stringContaining('ECONNREFUSED') },
    ]);
    await admin.call('ACL', 'SETUSER', 'guest', 'reset', 'on', '>secret');
    expect(await check({ REDIS_USERNAME: 'guest', REDIS_PASSWORD: 'wrong' })).toMatchObject([
      { level: 'error', sentence: expect.stringContaining('WRONGPASS') },
    ]);
  });

  it('is an error if a right is missing', async () => {
    const rule = aclRule({ prefix: 'bull' }).split(' ');
    await admin.call('ACL', 'SETUSER', 'worker', 'reset', 'on', '>secret', ...rule, '-evalsha');
    expect(await check({ REDIS_USERNAME: 'worker', REDIS_PASSWORD: 'secret' })).toMatchObject([
      { level: 'error', sentence: expect.stringContaining('"ACL SETUSER worker +evalsha"') },
      { topic: 'clock' },
    ]);
  });

  it('warns of a memory policy that deletes jobs', async () => {
    await admin.config('SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await check()).toMatchObject([
      { level: 'warning', sentence: expect.stringContaining('Set it to noeviction') },
      { topic: 'clock' },
    ]);
    await admin.config('SET', 'maxmemory-policy', 'noeviction');
  });

  it('is an error on a replica', async () => {
    await admin.replicaof('127.0.0.1', 1);
    await admin.config('SET', 'replica-serve-stale-data', 'yes');
    expect(await check()).toMatchObject([
      { level: 'error', sentence: expect.stringContaining('read-only replica') },
      { topic: 'clock' },
    ]);
    await admin.replicaof('NO', 'ONE');
  });
});

describe('the check of the clock', () => {
  it('takes the middle of the request as the time of the answer', () => {
    expect(secondsBehind(10_000, 12_000, ['16', '500000'])).toBe(5.5);
  });

  it.each([
    [0.4, 'ok', '0.4 s from the clock of Redis.'],
    [5.5, 'warning', 'This machine is 5.5 s behind the machine of Redis'],
    [-60, 'warning', 'This machine is 60.0 s ahead of the machine of Redis'],
  ])('with %d s is %s', (behindS, level, sentence) => {
    expect(describeDifference(behindS)).toMatchObject({ level, sentence: expect.stringContaining(sentence) });
  });
});
