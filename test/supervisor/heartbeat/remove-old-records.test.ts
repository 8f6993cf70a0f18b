import { Redis } from 'ioredis';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { removeOldRecords } from '../../../src/supervisor/heartbeat/remove-old-records.js';

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

it('removes the records of workers that are gone, by the time of their last report', async () => {
  const now = Number((await redis.time())[0]);
  const day = 86_400;
  await redis.hset('workers', {
    old: JSON.stringify({ last_heartbeat: now, reported_at: now - 8 * day }),
    foreign: `{"id": "foreign", "last_heartbeat": ${now - 8 * day}.25}`,
    failed: JSON.stringify({ last_heartbeat: 0, reported_at: now }),
    young: JSON.stringify({ last_heartbeat: now - 6 * day, reported_at: now - 6 * day }),
    unreadable: 'x',
  });
  expect((await removeOldRecords(redis, 7 * day)).toSorted()).toEqual(['foreign', 'old']);
  expect((await redis.hkeys('workers')).toSorted()).toEqual(['failed', 'unreadable', 'young']);
});
