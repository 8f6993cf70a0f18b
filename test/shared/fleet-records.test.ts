import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { readFleet } from '../../src/shared/fleet-records.js';
import { workerRecord } from '../support/worker-record.js';

let server: RedisServer;
let redis: Redis;
beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis(server.port, '127.0.0.1');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
afterEach(() => redis.flushall());

const write = (id: string, value: unknown) => redis.hset('workers', id, JSON.stringify(value));
const redisSeconds = async () => Number((await redis.time())[0]);
const statuses = async () => (await readFleet(redis)).map(({ record, status }) => [record.id, status]);

describe('reading the fleet', () => {
  it('returns a record as it was written', async () => {
    const record = workerRecord();
    await write(record.id, record);
    expect((await readFleet(redis))[0]?.record).toEqual(record);
  });

  it.each([
    ['no JSON', '{"id":'],
    ['null', 'null'],
    ['a number', '42'],
    ['a text', '"online"'],
    ['a list', '[]'],
  ])('leaves out a field with %s, and keeps the others', async (_what, text) => {
    await write('host_gpu0', workerRecord());
    await redis.hset('workers', 'bad', text);
    expect(await statuses()).toEqual([['host_gpu0', 'online']]);
  });

  it('gives unusable fields of a record their defaults', async () => {
    const now = await redisSeconds();
    await write('host_gpu0', {
      id: ['x'],
      last_heartbeat: now,
      status: 'dancing',
      gpu_name: 7,
      cpu_percent: null,
      durations: { run: { counts: [1], sum: 'x' } },
      gpu_throttle_reasons: {},
      last_exit: 'yesterday',
      status_reason: 'x'.repeat(10_000),
    });
    const [worker] = await readFleet(redis);
    expect(worker?.record).toMatchObject({
      id: 'host_gpu0',
      gpu_name: 'CPU',
      cpu_percent: 0,
      gpu_throttle_reasons: null,
      last_exit: null,
    });
    expect(worker?.record.durations.run.counts).toHaveLength(23);
    expect(worker?.record.status_reason).toHaveLength(2000);
  });

  it("judges the age by Redis' clock, not by the worker's or its own", async () => {
    const now = await redisSeconds();
    await write('fresh', workerRecord({ last_heartbeat: now - 60, reported_at: now }));
    await write('old', workerRecord({ last_heartbeat: now + 3600, reported_at: now - 60 }));
    await write('future', workerRecord({ reported_at: now + 3600 }));
    expect(await statuses()).toEqual([
      ['fresh', 'online'],
      ['future', 'offline'],
      ['old', 'offline'],
    ]);
  });

  it('falls back to the last heartbeat for records of older releases', async () => {
    const { reported_at: now, ...old } = workerRecord();
    await write('host_gpu0', old);
    expect((await readFleet(redis))[0]?.record.reported_at).toBe(now);
  });
});
