import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { createStageIndex } from '../../../src/gallery/store/stage-index.js';
import { filesKey, INDEXED_FOLDERS_KEY } from '../../../src/shared/redis-keys.js';

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
beforeEach(() => redis.flushall());

const write = (folder: string, ...names: string[]): Promise<void> =>
  createFileTable(redis, 0).write(
    folder,
    names.map((name) => ({
      name,
      sizeBytes: 1,
      changedMs: 1,
      content: { kind: 'content' as const, hash: name },
    })),
  );

const scans = async (): Promise<number> =>
  Number(/cmdstat_scan:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);

test('an indexed folder is in the index, and no SCAN is needed once the index is complete', async () => {
  const index = createStageIndex(redis, 0);
  await index.countPhotos();
  const before = await scans();
  await write('Day-1/Morning', 'a.jpg', 'b.jpg');
  await write('Day-2', 'c.jpg');
  expect(await index.countPhotos()).toEqual(
    new Map([
      ['Day-1/Morning', 2],
      ['Day-2', 1],
    ]),
  );
  expect(await scans()).toBe(before);
});

test('a missing index is rebuilt, also when a folder was added to it before', async () => {
  await write('Day-1', 'a.jpg');
  await write('Day-2', 'b.jpg');
  await redis.del(INDEXED_FOLDERS_KEY);
  await write('Day-2', 'c.jpg');
  const index = createStageIndex(redis, 0);
  expect([...(await index.countPhotos()).keys()].toSorted()).toEqual(['Day-1', 'Day-2']);
  expect((await redis.smembers(INDEXED_FOLDERS_KEY)).toSorted()).toEqual(['', 'Day-1', 'Day-2']);
});

test('a folder that was forgotten or has expired leaves the index', async () => {
  await write('Day-1', 'a.jpg');
  const index = createStageIndex(redis, 0);
  await index.countPhotos();
  await redis.del(filesKey('Day-1'));
  expect(await index.countPhotos()).toEqual(new Map());
  expect(await redis.smembers(INDEXED_FOLDERS_KEY)).toEqual(['']);
});

test('the index expires with the last folder', async () => {
  await createStageIndex(redis, 60).add('Day-1');
  expect(await redis.ttl(INDEXED_FOLDERS_KEY)).toBe(60);
});
