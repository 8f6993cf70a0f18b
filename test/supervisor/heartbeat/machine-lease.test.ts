import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { WorkerReport } from '../../../src/shared/worker-record.js';
import {
  createMachineLease,
  type Holder,
  type MachineLease,
} from '../../../src/supervisor/heartbeat/machine-lease.js';
import { identifyProcess } from '../../../src/supervisor/heartbeat/process-identity.js';
import { acquireLease } from '../../../src/supervisor/heartbeat/acquire-lease.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';

const logger = pino({ level: 'silent' });
const first: Holder = { bootId: 'first', pid: 100, since: 1_700_000_000 };
const second: Holder = { bootId: 'second', pid: 200, since: 1_700_000_100 };
const record = (id: string, fields: Partial<WorkerReport> = {}) =>
  ({ id, status: 'online', ...fields }) as WorkerReport;
const never = new AbortController().signal;

describe("a machine's lease", () => {
  let server: RedisServer;
  let redis: Redis;
  let lease: MachineLease;
  let rival: MachineLease;

  beforeAll(async () => {
    server = await startRedisServer();
    redis = new Redis(server.port, '127.0.0.1');
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => {
    lease = createMachineLease(redis, 'host', first);
    rival = createMachineLease(redis, 'host', second);
  });
  afterEach(() => redis.flushall());

  const records = async (): Promise<Record<string, string>> => redis.hgetall('workers');

  it('is taken once, and the second supervisor learns the holder', async () => {
    expect(await lease.take()).toEqual({ kind: 'taken' });
    expect(await rival.take()).toMatchObject({ kind: 'held', holder: first });
  });

  it('can be taken again by its holder, if the first reply was lost', async () => {
    await lease.take();
    expect(await lease.take()).toEqual({ kind: 'taken' });
  });

  it('is separate for each host name', async () => {
    await lease.take();
    expect(await createMachineLease(redis, 'other-host', second).take()).toEqual({ kind: 'taken' });
  });

  it('writes all records and reads the pause keys in one round trip', async () => {
    await lease.take();
    await redis.set('worker:b:paused', '1');
    const sent = vi.spyOn(redis, 'sendCommand');
    const result = await lease.beat([record('a'), record('b'), record('c')]);
    expect(sent).toHaveBeenCalledTimes(2);
    sent.mockRestore();
    expect(result).toEqual({ kind: 'written', paused: new Set(['b']) });
    expect(Object.keys(await records()).toSorted()).toEqual(['a', 'b', 'c']);
  });

  it('is renewed by heartbeats', async () => {
    await lease.take();
    await redis.pexpire('worker:{workers}:host:supervisor', 1000);
    await lease.beat([record('a')]);
    expect(await redis.pttl('worker:{workers}:host:supervisor')).toBeGreaterThan(10_000);
  });

  it('is taken again by a heartbeat if Redis has lost it', async () => {
    await lease.take();
    await redis.flushall();
    expect(await lease.beat([record('a')])).toMatchObject({ kind: 'written' });
    expect(await rival.take()).toMatchObject({ kind: 'held', holder: first });
  });

  it('keeps a supervisor that lost it from writing', async () => {
    await lease.take();
    await redis.del('worker:{workers}:host:supervisor');
    await rival.take();
    await rival.beat([record('a', { status: 'paused' })]);
    expect(await lease.beat([record('a', { status: 'online' })])).toEqual({
      kind: 'lease-lost',
      holder: second,
    });
    expect(JSON.parse((await records())['a'] ?? '')).toMatchObject({ status: 'paused' });
  });

  it('is free at once after its holder released it, and the last records remain', async () => {
    await lease.take();
    await lease.leave([record('a', { status: 'offline' })]);
    expect(JSON.parse((await records())['a'] ?? '')).toMatchObject({ status: 'offline' });
    expect(await rival.take()).toEqual({ kind: 'taken' });
  });

  it('is left to a holder that renews it', async () => {
    await lease.take();
    await redis.pexpire('worker:{workers}:host:supervisor', 5000);
    const timer = setInterval(() => void lease.beat([]), 700);
    const error = await acquireLease(rival, 'host', logger, never).catch((reason: unknown) => reason);
    clearInterval(timer);
    expect(error).toMatchObject({
      exitCode: 75,
      message: expect.stringMatching(/holds the lease of host \(pid 100, since 2023-11-14T22:13:20\.000Z\)/),
    });
  });

  it('is taken over at once from a process of this machine that has died', async () => {
    const child = spawn('sleep', ['100']);
    const identity = identifyProcess(child.pid ?? 0);
    const dead = createMachineLease(redis, 'host', {
      ...first,
      ...(identity !== null && { process: identity }),
    });
    await dead.take();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
    const startedAt = performance.now();
    await acquireLease(rival, 'host', logger, never);
    expect(performance.now() - startedAt).toBeLessThan(400);
    expect(JSON.parse((await redis.get('worker:{workers}:host:supervisor')) ?? '')).toEqual(second);
  });

  it('is never taken from another holder than the dead one', async () => {
    await lease.take();
    await rival.takeFrom({ ...first, bootId: 'another' });
    expect(await rival.take()).toMatchObject({ kind: 'held', holder: first });
  });

  it('gives records the time of Redis, not of the machine', async () => {
    await lease.take();
    await lease.beat([record('a', { gpu_throttle_reasons: [], status_reason: '100% {"last_heartbeat":1}' })]);
    const [seconds] = await redis.time();
    const written = JSON.parse((await records())['a'] ?? '');
    expect(Math.abs(written.reported_at - Number(seconds))).toBeLessThanOrEqual(1);
    expect(written.last_heartbeat).toBe(written.reported_at);
    expect(written).toMatchObject({ gpu_throttle_reasons: [], status_reason: '100% {"last_heartbeat":1}' });
  });

  it.each(['failed', 'lost', 'stalled', 'offline'] as const)(
    'keeps the last good heartbeat of a worker that is %s',
    async (status) => {
      await redis.hset('workers', 'a', JSON.stringify({ id: 'a', last_heartbeat: 1000, reported_at: 1000 }));
      await lease.take();
      await lease.beat([record('a', { status }), record('new', { status })]);
      const [old, fresh] = [(await records())['a'], (await records())['new']].map((text) =>
        JSON.parse(text ?? ''),
      );
      expect(old).toMatchObject({ status, last_heartbeat: 1000 });
      expect(old.reported_at).toBeGreaterThan(1_700_000_000);
      expect(fresh.last_heartbeat).toBe(0);
    },
  );

  it('is taken over once it expires', async () => {
    await lease.take();
    await redis.pexpire('worker:{workers}:host:supervisor', 800);
    await acquireLease(rival, 'host', logger, never);
    expect(JSON.parse((await redis.get('worker:{workers}:host:supervisor')) ?? '')).toEqual(second);
  });
});
