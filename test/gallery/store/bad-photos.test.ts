import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { type BadPhotos, createBadPhotos } from '../../../src/gallery/store/bad-photos.js';
import { BAD_PHOTOS_KEY } from '../../../src/shared/redis-keys.js';

const MINUTE_MS = 60_000;
const FILE = { name: 'a.jpg', sizeBytes: 1000, changedMs: 1 };

let server: RedisServer;
let redis: Redis;
let nowMs: number;
let badPhotos: BadPhotos;

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
  nowMs = 1_000_000;
  badPhotos = createBadPhotos(redis, () => nowMs);
});

describe('a photo that failed', () => {
  test('is left out with its reason, and tried again after a time that grows', async () => {
    const waitsMin: number[] = [];
    for (let failure = 1; failure <= 5; failure += 1) {
      const added = await badPhotos.add('Day-1', FILE, 'It ended 3 workers.');
      expect(added).toMatchObject({ path: 'Day-1/a.jpg', failures: failure, reason: 'It ended 3 workers.' });
      expect(await badPhotos.read('Day-1', [FILE])).toEqual([added]);
      waitsMin.push((added.retryAtMs - nowMs) / MINUTE_MS);
      nowMs = added.retryAtMs;
      expect(await badPhotos.read('Day-1', [FILE])).toEqual([null]);
    }
    expect(waitsMin).toEqual([10, 60, 360, 1440, 1440]);
  });

  test('is tried again at once when the file changes, and its count of failures restarts', async () => {
    await badPhotos.add('Day-1', FILE, 'first');
    await badPhotos.add('Day-1', FILE, 'second');
    const changed = { ...FILE, changedMs: 2 };
    expect(await badPhotos.read('Day-1', [changed])).toEqual([null]);
    expect(await badPhotos.add('Day-1', changed, 'third')).toMatchObject({ failures: 1 });
  });

  test('is forgotten once it is removed; others stay', async () => {
    await badPhotos.add('Day-1', FILE, 'no');
    await badPhotos.add('Day-2', FILE, 'no');
    await badPhotos.remove('Day-1', ['a.jpg', 'never-failed.jpg']);
    expect((await badPhotos.list()).map(({ path }) => path)).toEqual(['Day-2/a.jpg']);
  });
});

test('files without a failure are not bad, in the order of the question', async () => {
  await badPhotos.add('Day-1', { ...FILE, name: 'b.jpg' }, 'no');
  const found = await badPhotos.read(
    'Day-1',
    ['a.jpg', 'b.jpg', 'c.jpg'].map((name) => ({ ...FILE, name })),
  );
  expect(found.map((entry) => entry?.path ?? null)).toEqual([null, 'Day-1/b.jpg', null]);
  expect(await badPhotos.read('Day-1', [])).toEqual([]);
});

test('an entry that this program did not write is ignored', async () => {
  await redis.hset(BAD_PHOTOS_KEY, { 'Day-1/a.jpg': 'no JSON', 'Day-1/b.jpg': '{"failures":"many"}' });
  expect(await badPhotos.read('Day-1', [FILE])).toEqual([null]);
  expect(await badPhotos.list()).toEqual([]);
  expect(await badPhotos.add('Day-1', FILE, 'no')).toMatchObject({ failures: 1 });
});
