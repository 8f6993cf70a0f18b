import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { forget } from '../../../src/gallery/store/forget.js';
import { createOptOuts } from '../../../src/gallery/store/opt-outs.js';
import { indexQueueName } from '../../../src/shared/index-batch.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import { PATIENCE, SELFIE, startWorker, type WorkerHarness } from '../../support/worker-harness.js';

const PHOTOS = ['face:0.9.jpg', 'face:0.2.jpg'];

let server: RedisServer;
let redis: Redis;
let directory: string;
let portal: QueueHarness;
let hosts: WorkerHarness[];

beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: null });
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});
beforeEach(async () => {
  await redis.flushall();
  directory = await mkdtemp(path.join(tmpdir(), 'packs-'));
  await mkdir(path.join(directory, 'Day-1'));
  for (const name of PHOTOS) await writeFile(path.join(directory, 'Day-1', name), name);
  hosts = [];
  portal = await createQueueHarness(server, { GALLERY_DIR: directory });
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await portal.close();
  await rm(directory, { recursive: true });
});

/** A worker of a model pack that knows a photo by its content, which is its name. */
async function startHost(pack: string): Promise<{ engine: ScriptedEngine; host: WorkerHarness }> {
  const engine: ScriptedEngine = {
    ...createScriptedEngine({ pack }),
    identify: async (source) => (source.kind === 'bytes' ? Buffer.from(source.bytes).toString() : 'selfie'),
  };
  const host = await startWorker(portal.config, engine);
  hosts.push(host);
  return { engine, host };
}

const photosSeenBy = ({ asked }: ScriptedEngine): string[] =>
  asked
    .flatMap((source) => (source.kind === 'bytes' ? [Buffer.from(source.bytes).toString()] : []))
    .toSorted();

async function search(): Promise<unknown> {
  const job = await portal.add({ image: SELFIE, stage: 'Day-1' });
  await portal.reached(job, 'completed');
  return (await Job.fromId(portal.queue, job.id ?? ''))?.returnvalue;
}

const storedFaces = async (pack: string): Promise<number> =>
  (await redis.keys(`face-index:${pack}:*`)).length;

describe('workers of different model packs', () => {
  test('index and search with their own embeddings only', async () => {
    const [old, next] = [await startHost('old'), await startHost('next')];
    old.host.worker.resume();
    await search();
    expect(photosSeenBy(old.engine)).toEqual(PHOTOS.toSorted());
    expect(photosSeenBy(next.engine)).toEqual([]);

    old.host.worker.quiet();
    next.host.worker.resume();
    await search();
    expect(photosSeenBy(next.engine)).toEqual(PHOTOS.toSorted());
    expect(photosSeenBy(old.engine)).toEqual(PHOTOS.toSorted());
    expect([await storedFaces('old'), await storedFaces('next')]).toEqual([2, 2]);
  });

  test('warn at their start if opt-outs of another pack do not apply', async () => {
    const embedding = Float32Array.of(1, 0);
    await createOptOuts(redis).add({ packKey: 'old', probes: [{ embedding, minCosine: 0.6 }] });
    const [old, next] = [await startHost('old'), await startHost('next')];
    const warning = expect.objectContaining({
      level: 'warn',
      msg: expect.stringMatching(/^The opt-out list has 1 entry for the model pack old but 0 for next/),
    });
    await vi.waitFor(() => expect(next.host.lines).toContainEqual(warning), PATIENCE);
    expect(JSON.stringify(old.host.lines)).not.toContain('opt-out');
  });

  test('leave index batches to a worker of the right pack', PATIENCE, async () => {
    const [old, next] = [await startHost('old'), await startHost('next')];
    const index = new Queue(indexQueueName(portal.config.queue.name), {
      connection: redis,
      prefix: portal.config.queue.prefix,
    });
    const files = PHOTOS.map((name) => ({ name, sizeBytes: name.length, changedMs: 1 }));
    const batch = await index.add('index', { pack: 'next', folder: 'Day-1', files });
    old.host.worker.resume();
    await expect.poll(() => index.getJobState(batch.id ?? ''), PATIENCE).toBe('delayed');
    expect(photosSeenBy(old.engine)).toEqual([]);

    next.host.worker.resume();
    await expect.poll(() => storedFaces('next'), PATIENCE).toBe(2);
    expect(await storedFaces('old')).toBe(0);
  });
});

test('an index batch whose pack has had no worker for a day is removed', PATIENCE, async () => {
  const index = new Queue(indexQueueName(portal.config.queue.name), {
    connection: redis,
    prefix: portal.config.queue.prefix,
  });
  const data = { pack: 'gone', folder: 'Day-1', files: [{ name: 'a.jpg', sizeBytes: 1, changedMs: 1 }] };
  const options = { attempts: 3, removeOnFail: true };
  const recent = await index.add('index', data, options);
  const old = await index.add('index', data, { ...options, timestamp: Date.now() - 86_400_000 });
  (await startHost('new')).host.worker.resume();
  await expect.poll(() => index.getJobState(old.id ?? ''), PATIENCE).toBe('unknown');
  await expect.poll(() => index.getJobState(recent.id ?? ''), PATIENCE).toBe('delayed');
});

test('forgetting a model pack keeps the faces of the others', async () => {
  await redis.mset({
    'face-index:small-0123abcd:x': '1',
    'face-index:small-89abcdef:x': '1',
    'face-index:small-net-0123abcd:x': '1',
  });

  expect(await forget(redis, { kind: 'pack', pack: 'small-0123abcd' })).toMatchObject({ photos: 1 });
  expect(await forget(redis, { kind: 'pack', pack: 'small' })).toMatchObject({ photos: 1 });
  expect(await redis.keys('face-index:*')).toEqual(['face-index:small-net-0123abcd:x']);
});
