import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { createForgottenLog, logForgetting } from '../../../src/gallery/store/forgotten-log.js';
import { FORGOTTEN_LOG_KEY } from '../../../src/shared/redis-keys.js';

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

const ALL = [{ kind: 'all' }];

test('a reader gets what was forgotten since its last call, once', async () => {
  await logForgetting(redis, new Set(['old']));
  const log = createForgottenLog(redis);
  expect(await log.readNew()).toEqual([]);
  await logForgetting(redis, new Set(['a', 'b']));
  await logForgetting(redis, null);
  expect(await log.readNew()).toEqual([{ kind: 'contents', hashes: new Set(['a', 'b']) }, ...ALL]);
  expect(await log.readNew()).toEqual([]);
});

test('a reader of an empty log gets its first entry', async () => {
  const log = createForgottenLog(redis);
  await log.readNew();
  await logForgetting(redis, new Set(['a']));
  expect(await log.readNew()).toEqual([{ kind: 'contents', hashes: new Set(['a']) }]);
});

test('a reader that may have missed an entry drops everything', async () => {
  const log = createForgottenLog(redis);
  await logForgetting(redis, new Set(['a']));
  await log.readNew();
  await logForgetting(redis, new Set(['b']));
  await logForgetting(redis, new Set(['c']));
  await redis.xtrim(FORGOTTEN_LOG_KEY, 'MAXLEN', 1);
  expect(await log.readNew()).toEqual(ALL);
  await redis.del(FORGOTTEN_LOG_KEY);
  expect(await log.readNew()).toEqual(ALL);
});

test('very many contents are one entry for everything', async () => {
  const log = createForgottenLog(redis);
  await log.readNew();
  await logForgetting(redis, new Set(Array.from({ length: 500_001 }, (_, i) => String(i))));
  expect(await log.readNew()).toEqual(ALL);
});

test('many contents are split into several entries', async () => {
  const log = createForgottenLog(redis);
  await log.readNew();
  const hashes = Array.from({ length: 5001 }, (_, i) => String(i));
  await logForgetting(redis, new Set(hashes));
  const read = await log.readNew();
  expect(read.flatMap((entry) => (entry.kind === 'contents' ? [...entry.hashes] : []))).toEqual(hashes);
});

test('a removed file is not known any more', async () => {
  const files = createFileTable(redis, 0);
  const file = { name: 'a.jpg', sizeBytes: 1, changedMs: 1 };
  await files.write('Day-1', [{ ...file, content: { kind: 'content', hash: 'hash' } }]);
  await files.remove('Day-1', ['a.jpg']);
  expect(await files.read('Day-1', [file])).toEqual([null]);
});
