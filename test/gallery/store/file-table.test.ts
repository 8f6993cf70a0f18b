import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createFileTable } from '../../../src/gallery/store/file-table.js';

const CONTENT = { kind: 'content', hash: 'hash' } as const;
const FILE = { name: 'a.jpg', sizeBytes: 1000, changedMs: 1_700_000_000_000, ctimeMs: 1_700_000_000_500.25 };

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

test('an unchanged file is known by its content', async () => {
  const table = createFileTable(redis, 0);
  await table.write('Day-1', [{ ...FILE, content: CONTENT }]);
  expect(await table.read('Day-1', [FILE])).toEqual([CONTENT]);
});

test.each([
  ['another size', { ...FILE, sizeBytes: 1001 }],
  ['another mtime', { ...FILE, changedMs: FILE.changedMs + 1 }],
  ['the same size and mtime, but a later ctime', { ...FILE, ctimeMs: FILE.ctimeMs + 1 }],
])('a file with %s is not known', async (_case, changed) => {
  const table = createFileTable(redis, 0);
  await table.write('Day-1', [{ ...FILE, content: CONTENT }]);
  expect(await table.read('Day-1', [changed])).toEqual([null]);
});

test('an older copy on another machine is known, and so is a file without a ctime', async () => {
  const table = createFileTable(redis, 0);
  await table.write('Day-1', [{ ...FILE, content: CONTENT }]);
  const older = { ...FILE, ctimeMs: FILE.ctimeMs - 1000 };
  const { ctimeMs: _ctimeMs, ...without } = FILE;
  expect(await table.read('Day-1', [older])).toEqual([CONTENT]);
  expect(await table.read('Day-1', [without])).toEqual([CONTENT]);
  await table.write('Day-1', [{ ...without, content: CONTENT }]);
  expect(await table.read('Day-1', [FILE])).toEqual([CONTENT]);
});

test('a file that cannot be read comes with the reason', async () => {
  const table = createFileTable(redis, 0);
  const content = { kind: 'unreadable', message: 'It cannot be read: EACCES.' } as const;
  await table.write('Day-1', [{ ...FILE, content }]);
  expect(await table.read('Day-1', [FILE])).toEqual([content]);
});

test('a folder has the names of all its files', async () => {
  const table = createFileTable(redis, 0);
  const names = Array.from({ length: 2500 }, (_, i) => `${i}.jpg`);
  await table.write(
    'Day-1',
    names.map((name) => ({ ...FILE, name, content: CONTENT })),
  );
  expect((await table.names('Day-1')).toSorted()).toEqual(names.toSorted());
});
