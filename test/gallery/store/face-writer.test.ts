import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createEmbeddingStore, type EmbeddingStore } from '../../../src/gallery/store/embedding-store.js';
import { createFaceWriter } from '../../../src/gallery/store/face-writer.js';
import { createOptOuts, type OptOuts } from '../../../src/gallery/store/opt-outs.js';
import type { PhotoRecord } from '../../../src/gallery/store/photo-record.js';
import { face } from '../../support/gallery-cache-harness.js';

const ANNA = { packKey: 'pack', probes: [{ minCosine: 0.9, embedding: Float32Array.of(1, 0) }] };

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
beforeEach(async () => {
  announced = [];
  await redis.flushall();
});

const pack = { key: 'pack', embeddingSize: 2 };
const storeHere = () => createEmbeddingStore({ redis, pack, retentionS: 0 });
let announced: ReadonlySet<string>[];
const writerOf = (optOuts: OptOuts, store: Pick<EmbeddingStore, 'write'> = storeHere()) =>
  createFaceWriter({
    store,
    optOuts,
    packKey: 'pack',
    announceForgotten: async (hashes) => void announced.push(hashes),
  });
const photoOf = (...cosines: number[]): PhotoRecord => ({
  kind: 'faces',
  widthPx: 1000,
  heightPx: 1000,
  faces: cosines.map((cosine) => face(cosine)),
});

async function storedFaces(hash: string): Promise<number | null> {
  const [photo] = await storeHere().read([hash]);
  return photo?.kind === 'faces' ? photo.faces.length : null;
}

test('faces of people who have opted out are not stored', async () => {
  const optOuts = createOptOuts(redis);
  await optOuts.add(ANNA);
  const writer = writerOf(optOuts);
  const written = await writer.write(
    new Map([
      ['a', photoOf(1, 0.2)],
      ['b', photoOf(0.5)],
    ]),
  );
  expect([await storedFaces('a'), await storedFaces('b')]).toEqual([1, 1]);
  expect(written.get('a')).toMatchObject({ withheld: true });
  expect(written.get('b')).not.toHaveProperty('withheld');
});

test('a person who opts out while a photo is written is not stored either', async () => {
  const optOuts = createOptOuts(redis);
  const store = storeHere();
  let writes = 0;
  const writer = writerOf(optOuts, {
    write: async (photos) => {
      await store.write(photos);
      if ((writes += 1) === 1) await optOuts.add(ANNA);
    },
  });
  await writer.write(new Map([['a', photoOf(1, 0.2)]]));
  expect(await storedFaces('a')).toBe(1);
  expect(writes).toBe(2);
  expect(announced).toEqual([new Set(['a'])]);
});

test('an opt-out counts from the next write on, and until it is removed', async () => {
  const optOuts = createOptOuts(redis);
  const writer = writerOf(optOuts);
  await writer.write(new Map([['a', photoOf(1)]]));
  const { id } = await optOuts.add(ANNA);
  await writer.write(new Map([['b', photoOf(1)]]));
  await optOuts.remove(id);
  await writer.write(new Map([['c', photoOf(1)]]));
  expect(await Promise.all(['a', 'b', 'c'].map(storedFaces))).toEqual([1, 0, 1]);
});

test('embeddings of another model pack are not compared', async () => {
  const optOuts = createOptOuts(redis);
  await optOuts.add({ ...ANNA, packKey: 'other' });
  await writerOf(optOuts).write(new Map([['a', photoOf(1)]]));
  expect(await storedFaces('a')).toBe(1);
});

test('the same embedding is on the list only once', async () => {
  const optOuts = createOptOuts(redis);
  const first = await optOuts.add(ANNA);
  expect(await optOuts.add(ANNA)).toEqual(first);
  await optOuts.add({ ...ANNA, probes: [{ minCosine: 0.8, embedding: Float32Array.of(1, 0) }] });
  expect(await optOuts.list()).toHaveLength(2);
});

test('the list of opt-outs leaves out what another program wrote', async () => {
  const optOuts = createOptOuts(redis);
  await redis.hset('worker:opt-outs', 'odd', '{"packKey":1}', 'text', 'no JSON');
  const added = await optOuts.add(ANNA);
  expect(await optOuts.list()).toEqual([added]);
  expect(await optOuts.remove('odd')).toBeNull();
});
