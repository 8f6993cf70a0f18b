import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { type BatchEnds, createBatchEnds } from '../../../src/child/indexing/batch-ends.js';
import { createByteBudget } from '../../../src/child/indexing/byte-budget.js';
import { runIndexJob } from '../../../src/child/indexing/index-job.js';
import type { FindFaces } from '../../../src/child/indexing/known-faces.js';
import { createIndexPlanner } from '../../../src/gallery/batches/index-planner.js';
import { createIndexPlans, type IndexPlans } from '../../../src/gallery/batches/index-plans.js';
import { batchId } from '../../../src/gallery/batches/plan-batches.js';
import { type BadPhotos, createBadPhotos } from '../../../src/gallery/store/bad-photos.js';
import { NO_S3 } from '../../support/s3-server.js';
import { openPhotoSource } from '../../../src/gallery/source/photo-source.js';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import type { IndexBatch } from '../../../src/shared/index-batch.js';
import { jobCrashesKey } from '../../../src/shared/redis-keys.js';

let server: RedisServer;
let redis: Redis;
let directory: string;
let queue: Queue;
let plans: IndexPlans;
let badPhotos: BadPhotos;
let ends: BatchEnds;
let looked: string[];

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
  directory = await mkdtemp(path.join(tmpdir(), 'index-job-'));
  await mkdir(path.join(directory, 'Day-1'));
  queue = new Queue('face-index', { connection: redis });
  plans = createIndexPlans(redis, queue, 'pack');
  badPhotos = createBadPhotos(redis);
  const planner = createIndexPlanner({ indexQueue: queue, plans, badPhotos });
  ends = createBatchEnds({ plans, planner, badPhotos, redis, searchQueue: queue });
  looked = [];
});
afterEach(async () => {
  await queue.close();
  await rm(directory, { recursive: true });
});

const fileOf = (name: string) => ({ name, sizeBytes: 1, changedMs: 1 });
const namesOf = (batches: readonly IndexBatch[]): string[][] =>
  batches.map(({ files }) => files.map(({ name }) => name));

/** A batch in the queue and in the plan of its stage. */
async function addBatch(...names: string[]): Promise<Job> {
  const batch = { pack: 'pack', folder: 'Day-1', files: names.map(fileOf) };
  for (const name of names) await writeFile(path.join(directory, 'Day-1', name), 'x');
  await plans.begin('Day-1', [batchId(batch)], names.length);
  return queue.add('index', batch, { jobId: batchId(batch), priority: 7 });
}

const findsNoFaces: FindFaces = async (source) => {
  looked.push(source.kind);
  return { hash: 'hash', photo: { kind: 'faces', widthPx: 1, heightPx: 1, faces: [] }, isNew: true };
};

const run = (job: Job, findFaces: FindFaces = findsNoFaces) =>
  runIndexJob(job, new AbortController().signal, {
    photos: openPhotoSource(directory, NO_S3),
    maxImageBytes: 1000,
    findFaces,
    writerOf: () => ({ write: async (photos) => photos }),
    budget: createByteBudget(),
    files: createFileTable(redis, 0),
    ends,
    redis,
    concurrency: 1,
  });

/** What is in the queue beside the batch itself. */
async function othersThan(job: Job): Promise<Job[]> {
  return (await queue.getPrioritized()).filter(({ id }) => id !== job.id);
}

describe('an index batch', () => {
  test('ends its plan when all its photos are done', async () => {
    const job = await addBatch('a.jpg', 'b.jpg');
    expect(await run(job)).toEqual({ photos: 2, faces: 0, broken: 0 });
    expect(await plans.join('Day-1')).toBeNull();
  });

  test('that takes longer than a second leaves the rest to a new batch of the same priority', async () => {
    const job = await addBatch('a.jpg', 'b.jpg', 'c.jpg', 'd.jpg');
    const done = await run(job, async (source, signal) => {
      await sleep(600);
      return findsNoFaces(source, signal);
    });
    expect(done.photos).toBe(2);
    const [rest, ...others] = await othersThan(job);
    expect(others).toEqual([]);
    expect(rest?.opts.priority).toBe(7);
    expect(namesOf([rest?.data as IndexBatch])).toEqual([['c.jpg', 'd.jpg']]);
    expect(await plans.join('Day-1')).toMatchObject({ photos: 4, donePhotos: 2, batchesLeft: 1 });
  });

  test('names the photo that failed', async () => {
    const job = await addBatch('a.jpg');
    await expect(run(job, () => Promise.reject(new Error('The device is lost.')))).rejects.toThrow(
      'PHOTO_FAILED: Day-1/a.jpg: The device is lost.',
    );
  });

  test('that has crashed three workers is split into single photos without another attempt', async () => {
    const job = await addBatch('a.jpg', 'b.jpg');
    await redis.set(jobCrashesKey(job.queueQualifiedName, job.id ?? ''), 3);
    job.attemptsStarted = 4;
    await run(job);
    expect(looked).toEqual([]);
    expect(
      namesOf((await othersThan(job)).map(({ data }) => data as IndexBatch))
        .flat()
        .toSorted(),
    ).toEqual(['a.jpg', 'b.jpg']);
    expect(await plans.join('Day-1')).toMatchObject({ donePhotos: 0, batchesLeft: 2 });
  });
});

describe('a batch that has failed for the last time', () => {
  test('of one photo records the photo as bad, and the plan continues', async () => {
    const job = await addBatch('a.jpg');
    await ends.failed(job, 'PHOTO_FAILED: Day-1/a.jpg: The device is lost.');
    expect(await badPhotos.list()).toMatchObject([{ path: 'Day-1/a.jpg', reason: 'The device is lost.' }]);
    expect(await plans.join('Day-1')).toBeNull();
  });

  test('for another reason than its photos blames none of them', async () => {
    for (const reason of ['CANCELLED: The job was cancelled.', 'The gallery folder /x is not there']) {
      const job = await addBatch('a.jpg', 'b.jpg');
      await ends.failed(job, reason);
      expect(await badPhotos.list()).toEqual([]);
      expect(await othersThan(job)).toEqual([]);
      expect(await plans.join('Day-1')).toBeNull();
    }
  });

  test('is no longer bad once its photo is indexed', async () => {
    const job = await addBatch('a.jpg');
    await badPhotos.add('Day-1', fileOf('a.jpg'), 'no');
    await run(job);
    expect(await badPhotos.list()).toEqual([]);
  });
});
