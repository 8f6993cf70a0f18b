import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createBadPhotos } from '../../../src/gallery/store/bad-photos.js';
import { createEmbeddingStore } from '../../../src/gallery/store/embedding-store.js';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { forget } from '../../../src/gallery/store/forget.js';
import { createForgottenLog } from '../../../src/gallery/store/forgotten-log.js';

const NOTHING = { photos: 0, folders: 0, failures: 0, unreferenced: 0 };
const EMPTY = { kind: 'faces', widthPx: 1, heightPx: 1, faces: [] } as const;

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

const storeOf = (key: string) =>
  createEmbeddingStore({ redis, pack: { key, embeddingSize: 2 }, retentionS: 0 });

/** An indexed photo. */
async function addPhoto(folder: string, name: string, hash: string, pack = 'pack'): Promise<void> {
  await storeOf(pack).write(new Map([[hash, EMPTY]]));
  const file = { name, sizeBytes: 1, changedMs: 1, content: { kind: 'content' as const, hash } };
  await createFileTable(redis, 0).write(folder, [file]);
}

const storedHashes = async (): Promise<string[]> =>
  (await redis.keys('face-index:pack*:*')).map((key) => key.split(':')[2] ?? '').toSorted();

describe('forgetting a path', () => {
  test('deletes the faces of a photo for every model pack, and logs its content', async () => {
    await addPhoto('Day-1', 'a.jpg', 'one');
    await addPhoto('Day-1', 'a.jpg', 'one', 'pack-2');
    await addPhoto('Day-1', 'b.jpg', 'two');
    const log = createForgottenLog(redis);
    await log.readNew();
    const forgotten = await forget(redis, { kind: 'path', path: 'Day-1/a.jpg' });
    expect(forgotten).toEqual({ ...NOTHING, photos: 2 });
    expect(await log.readNew()).toEqual([{ kind: 'contents', hashes: new Set(['one']) }]);
    expect(await storedHashes()).toEqual(['two']);
  });

  test('deletes a folder and the folders below it, and no folder with a similar name', async () => {
    await addPhoto('Day-1', 'a.jpg', 'one');
    await addPhoto('Day-1/Morning', 'b.jpg', 'two');
    await addPhoto('Day-10', 'c.jpg', 'three');
    const forgotten = await forget(redis, { kind: 'path', path: 'Day-1' });
    expect(forgotten).toEqual({ ...NOTHING, photos: 2, folders: 2 });
    expect(await storedHashes()).toEqual(['three']);
  });

  test('leaves no faces of earlier contents and of photos that jobs brought', async () => {
    await addPhoto('Day-1', 'a.jpg', 'earlier');
    await addPhoto('Day-1', 'a.jpg', 'now');
    await addPhoto('Day-2', 'b.jpg', 'other');
    await storeOf('pack').write(new Map([['inline', EMPTY]]));
    const forgotten = await forget(redis, { kind: 'path', path: 'Day-1' });
    expect(forgotten).toEqual({ ...NOTHING, photos: 1, folders: 1, unreferenced: 2 });
    expect(await storedHashes()).toEqual(['other']);
  });

  test('deletes the records of photos that failed', async () => {
    const badPhotos = createBadPhotos(redis);
    const file = { name: 'a.jpg', sizeBytes: 1, changedMs: 1 };
    await badPhotos.add('Day-1', file, 'The device is lost.');
    await badPhotos.add('Day-2', file, 'The device is lost.');
    const forgotten = await forget(redis, { kind: 'path', path: 'Day-1' });
    expect(forgotten).toEqual({ ...NOTHING, failures: 1 });
    expect((await badPhotos.list()).map(({ path }) => path)).toEqual(['Day-2/a.jpg']);
  });

  test('that is not indexed deletes nothing, not even photos that no file refers to', async () => {
    await addPhoto('Day-1', 'a.jpg', 'one');
    await storeOf('pack').write(new Map([['inline', EMPTY]]));
    for (const path of ['Day-9', 'ALL', 'Day-1/b.jpg', 'Day']) {
      expect(await forget(redis, { kind: 'path', path })).toEqual(NOTHING);
    }
    expect(await storedHashes()).toEqual(['inline', 'one']);
  });
});

test('forgetting all leaves nothing', async () => {
  await addPhoto('Day-1', 'a.jpg', 'one');
  expect(await forget(redis, { kind: 'all' })).toEqual({ ...NOTHING, photos: 1, folders: 1 });
  expect(await redis.keys('face-index:*')).toEqual([]);
});

test.each([
  { kind: 'all' } as const,
  { kind: 'path', path: 'Day-1' } as const,
  { kind: 'pack', pack: 'pack' } as const,
])('a dry run of $kind counts the same and deletes nothing', async (what) => {
  await addPhoto('Day-1', 'a.jpg', 'one');
  const before = (await redis.keys('*')).toSorted();
  const counted = await forget(redis, what, true);
  expect((await redis.keys('*')).toSorted()).toEqual(before);
  expect(await forget(redis, what)).toEqual(counted);
});
