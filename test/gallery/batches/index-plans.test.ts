import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createIndexPlans, type IndexPlans } from '../../../src/gallery/batches/index-plans.js';

const indexQueue = { toKey: (name: string) => `bull:face-index:${name}` };

let server: RedisServer;
let redis: Redis;
let plans: IndexPlans;

beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis(server.port, '127.0.0.1');
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  plans = createIndexPlans(redis, indexQueue, 'pack');
});

describe('a plan', () => {
  test('begins once, and is there until its last batch has ended', async () => {
    expect(await plans.join('Day-1')).toBeNull();
    expect(await plans.begin('Day-1', ['a', 'b'], 50)).toBe(true);
    expect(await plans.begin('Day-1', ['c'], 7)).toBe(false);
    expect(await plans.join('Day-1')).toEqual({ photos: 50, donePhotos: 0, batchesLeft: 2, idleS: 0 });

    expect(await plans.end('a', 30)).toMatchObject([{ photos: 50, donePhotos: 30, batchesLeft: 1 }]);
    expect(await plans.join('Day-1')).toMatchObject({ donePhotos: 30, batchesLeft: 1 });
    expect(await plans.end('b', 20)).toMatchObject([{ photos: 50, donePhotos: 50, batchesLeft: 0 }]);
    expect(await plans.join('Day-1')).toBeNull();
    expect(await plans.begin('Day-1', ['c'], 7)).toBe(true);
  });

  test('does not end twice with the same batch', async () => {
    await plans.begin('Day-1', ['a', 'b'], 50);
    await plans.end('a', 30);
    expect(await plans.end('a', 30)).toEqual([]);
    expect(await plans.join('Day-1')).toMatchObject({ donePhotos: 30, batchesLeft: 1 });
  });

  test('waits for the batches that replace another one', async () => {
    await plans.begin('Day-1', ['a'], 3);
    expect(await plans.end('a', 1, ['a1', 'a2'])).toMatchObject([{ donePhotos: 1, batchesLeft: 2 }]);
    expect((await plans.batchIds('Day-1')).toSorted()).toEqual(['a1', 'a2']);
  });

  test('shares its batches with the plan of a stage that overlaps', async () => {
    await plans.begin('Day-1', ['a', 'b'], 20);
    await plans.begin('Day-1/Morning', ['b'], 10);
    const changed = await plans.end('b', 10);
    expect(new Set(changed.map(({ photos, batchesLeft }) => `${batchesLeft} left of ${photos}`))).toEqual(
      new Set(['0 left of 10', '1 left of 20']),
    );
    expect(await plans.join('Day-1/Morning')).toBeNull();
  });

  test('of another model pack is another plan', async () => {
    await plans.begin('Day-1', ['a'], 1);
    expect(await createIndexPlans(redis, indexQueue, 'other').join('Day-1')).toBeNull();
  });

  test('names the searches that wait for it, and forgets them with its last batch', async () => {
    expect(await plans.join('Day-1', 'early')).toBeNull();
    await plans.begin('Day-1', ['a', 'b'], 2);
    await plans.join('Day-1', 's1');
    await plans.join('Day-1', 's2');
    await plans.join('Day-1', 's2');
    const [first] = await plans.end('a', 1);
    expect(first?.searchIds.toSorted()).toEqual(['s1', 's2']);
    const [last] = await plans.end('b', 1);
    expect(last?.searchIds.toSorted()).toEqual(['s1', 's2']);
    await plans.begin('Day-1', ['c'], 1);
    await plans.join('Day-1', 's1');
    expect(await plans.end('c', 1)).toMatchObject([{ searchIds: ['s1'] }]);
  });

  test('leaves no key without an expiry, and none once it has ended', async () => {
    await plans.begin('Day-1', ['a'], 1);
    await plans.join('Day-1', 's1');
    for (const key of await redis.keys('*')) expect([key, await redis.ttl(key)]).not.toEqual([key, -1]);
    await plans.end('a', 1);
    expect(await redis.keys('*')).toEqual([]);
  });
});
