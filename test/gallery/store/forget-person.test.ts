import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createEmbeddingStore } from '../../../src/gallery/store/embedding-store.js';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { findPerson } from '../../../src/gallery/store/find-person.js';
import { forgetPerson } from '../../../src/gallery/store/forget-person.js';
import { countPhotosByPack } from '../../../src/gallery/store/scan-photos.js';
import { createForgottenLog } from '../../../src/gallery/store/forgotten-log.js';
import { face } from '../../support/gallery-cache-harness.js';

const PROBE = { minCosine: 0.9, embedding: Float32Array.of(1, 0) };
const ANNA = { packKey: 'pack-1', probes: [PROBE] };
/** Far from Anna. */
const BEN = { ...ANNA, probes: [{ minCosine: 0.9, embedding: Float32Array.of(0, 1) }] };
const REAL = { isDry: false, excludedStage: null };
const DRY = { ...REAL, isDry: true };

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

const storeOf = (key: string, retentionS = 0) =>
  createEmbeddingStore({ redis, pack: { key, embeddingSize: 2 }, retentionS });
const photoOf = (cosines: readonly number[]) =>
  ({ kind: 'faces', widthPx: 1000, heightPx: 1000, faces: cosines.map((cosine) => face(cosine)) }) as const;

/** An indexed photo. */
async function addPhoto(path: string, hash: string, ...cosines: number[]): Promise<void> {
  await storeOf('pack-1').write(new Map([[hash, photoOf(cosines)]]));
  const [folder = '', name = ''] = path.split(/\/(?=[^/]+$)/);
  const file = { name, sizeBytes: 1, changedMs: 1, content: { kind: 'content' as const, hash } };
  await createFileTable(redis, 0).write(folder, [file]);
}

async function facesIn(hash: string, pack = 'pack-1'): Promise<number | null> {
  const [photo] = await storeOf(pack).read([hash]);
  return photo?.kind === 'faces' ? photo.faces.length : null;
}

describe('forgetting a person', () => {
  beforeEach(async () => {
    await addPhoto('Day-1/a.jpg', 'one', 1, 0.2);
    await addPhoto('Day-1/Morning/copy.jpg', 'one', 1, 0.2);
    await addPhoto('Day-2/b.jpg', 'two', 0.95);
    await addPhoto('Day-2/c.jpg', 'three', 0.85);
  });

  test('deletes only the faces of this person, in all stages, and says where they were', async () => {
    const found = await forgetPerson(redis, ANNA, REAL);
    expect(found.toSorted((a, b) => b.cosine - a.cosine)).toEqual([
      {
        paths: ['Day-1/Morning/copy.jpg', 'Day-1/a.jpg'],
        cosine: expect.closeTo(1, 3),
        faces: 1,
        isKept: false,
      },
      { paths: ['Day-2/b.jpg'], cosine: expect.closeTo(0.95, 3), faces: 1, isKept: false },
    ]);
    expect(await Promise.all(['one', 'two', 'three'].map((hash) => facesIn(hash)))).toEqual([1, 0, 1]);
    expect(await forgetPerson(redis, ANNA, REAL)).toEqual([]);
  });

  test('has running workers drop these photos, and no others', async () => {
    const log = createForgottenLog(redis);
    await log.readNew();
    const subscriber = redis.duplicate();
    await subscriber.subscribe('face-index:forgotten');
    const told = new Promise((resolve) => subscriber.once('message', resolve));
    await forgetPerson(redis, ANNA, REAL);
    await told;
    subscriber.disconnect();
    const forgotten = await log.readNew();
    expect(new Set(forgotten.flatMap((each) => (each.kind === 'all' ? [] : [...each.hashes])))).toEqual(
      new Set(['one', 'two']),
    );
  });

  test('changes nothing in a dry run', async () => {
    const before = await Promise.all((await redis.keys('*')).toSorted().map((key) => redis.dump(key)));
    const found = await forgetPerson(redis, ANNA, DRY);
    expect(await Promise.all((await redis.keys('*')).toSorted().map((key) => redis.dump(key)))).toEqual(
      before,
    );
    expect(await forgetPerson(redis, ANNA, REAL)).toEqual(found);
  });

  test('does not look into photos of another model pack', async () => {
    await storeOf('pack-2').write(new Map([['one', photoOf([1])]]));
    await forgetPerson(redis, ANNA, REAL);
    expect(await facesIn('one', 'pack-2')).toBe(1);
    expect(await countPhotosByPack(redis)).toEqual(
      new Map([
        ['pack-1', 3],
        ['pack-2', 1],
      ]),
    );
  });

  test('does not look into photos whose pack only begins alike', async () => {
    await storeOf('pack-1-upright').write(new Map([['four', photoOf([1])]]));
    await forgetPerson(redis, ANNA, REAL);
    expect(await facesIn('four', 'pack-1-upright')).toBe(1);
  });

  test('leaves photos in the excluded stage and their copies as they are', async () => {
    const found = await forgetPerson(redis, ANNA, { isDry: false, excludedStage: 'Day-1/Morning' });
    expect(
      found
        .map(({ cosine, isKept }) => [cosine > 0.99, isKept])
        .toSorted(([a], [b]) => Number(a) - Number(b)),
    ).toEqual([
      [false, false],
      [true, true],
    ]);
    expect(await Promise.all([facesIn('one'), facesIn('two')])).toEqual([2, 0]);
  });

  test('leaves a photo as it is that no file refers to, but for the face', async () => {
    await storeOf('pack-1', 1000).write(new Map([['inline', photoOf([0.99, 0.98, 0.1])]]));
    const found = await forgetPerson(redis, ANNA, REAL);
    expect(found).toContainEqual({ paths: [], cosine: expect.closeTo(0.99, 3), faces: 2, isKept: false });
    expect(await facesIn('inline')).toBe(1);
    expect(await redis.ttl('face-index:pack-1:inline')).toBeGreaterThan(900);
  });

  test('together with other people at the same time loses no deletion', async () => {
    const hashes = Array.from({ length: 300 }, (_, i) => `many-${i}`);
    await storeOf('pack-1').write(new Map(hashes.map((hash) => [hash, photoOf([1, 0, 0.6])])));
    const other = redis.duplicate();
    await Promise.all([forgetPerson(redis, ANNA, REAL), forgetPerson(other, BEN, REAL)]);
    other.disconnect();
    expect(new Set(await Promise.all(hashes.map((hash) => facesIn(hash))))).toEqual(new Set([1]));
  });

  test('deletes also the faces that only the second pass of a search would find', async () => {
    const rule = { confidentCosine: 0.9, agreeingCosine: 0.8 };
    const before = await findPerson(redis, { probe: PROBE, packKey: 'pack-1', rule });
    expect(before.probes).toHaveLength(2);
    await forgetPerson(redis, before, REAL);
    // Its face is more similar to the one in `two` than to the selfie.
    expect(await facesIn('three')).toBe(0);
    expect(await facesIn('one')).toBe(1);
    const after = await findPerson(redis, { probe: PROBE, packKey: 'pack-1', rule });
    expect(after.probes).toEqual([PROBE]);
  });
});
