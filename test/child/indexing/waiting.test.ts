import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Job, Queue } from 'bullmq';
import { Redis } from 'ioredis';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  onTestFinished,
  test,
  vi,
} from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createIndexPlans } from '../../../src/gallery/batches/index-plans.js';
import { indexQueueName } from '../../../src/shared/index-batch.js';
import { BAD_PHOTOS_KEY, filesKey, indexPlanKeys, savedProbeKey } from '../../../src/shared/redis-keys.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import { PATIENCE, SELFIE, startWorker, type WorkerHarness } from '../../support/worker-harness.js';

let server: RedisServer;
let directory: string;
let portal: QueueHarness;
let index: Queue;
let hosts: WorkerHarness[];

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'waiting-'));
  hosts = [];
  portal = await createQueueHarness(server, { GALLERY_DIR: directory });
  index = new Queue(indexQueueName(portal.config.queue.name), {
    connection: { host: '127.0.0.1', port: server.port },
  });
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await index.close();
  await portal.close();
  await rm(directory, { recursive: true });
});

/** A photo's content is its full path, so no photo of another test is the same. */
async function addPhotos(folder: string, ...names: string[]): Promise<void> {
  await mkdir(path.join(directory, folder), { recursive: true });
  for (const name of names) {
    const file = path.join(directory, folder, name);
    await writeFile(file, file);
  }
}

async function startHost(engine: ScriptedEngine = createScriptedEngine()): Promise<ScriptedEngine> {
  const host = await startWorker(portal.config, engine);
  hosts.push(host);
  host.worker.resume();
  return engine;
}

const addSearch = (stage: string): Promise<Job> => portal.add({ image: SELFIE, stage });

async function readJob(job: Job): Promise<Job> {
  const found = await Job.fromId(portal.queue, job.id ?? '');
  if (found === undefined) throw new Error('The job is gone');
  return found;
}

async function completed(job: Job): Promise<Job> {
  await portal.reached(job, 'completed');
  return readJob(job);
}

const inState = (job: Job, state: string): Promise<void> =>
  vi.waitFor(async () => expect(await job.getState()).toBe(state), PATIENCE);

const logOf = async (job: Job): Promise<string[]> => (await portal.queue.getJobLogs(job.id ?? '')).logs;

const selfiesSeen = (engine: ScriptedEngine): number =>
  engine.asked.filter(({ kind }) => kind === 'base64').length;
const photosSeen = (engine: ScriptedEngine): number =>
  engine.asked.filter(({ kind }) => kind === 'bytes').length;
const numbered = (count: number): string[] => Array.from({ length: count }, (_, i) => `face:0.9${i}.jpg`);

describe('a search whose stage is being indexed', () => {
  test('is in the state delayed, shows the progress of the index, and starts again when it is complete', async () => {
    await addPhotos('Day-1', 'slow.jpg');
    await addPhotos('Day-1/Morning', 'face:0.9.jpg');
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    await vi.waitFor(async () => {
      const { progress } = await readJob(job);
      expect(progress).toBeGreaterThan(50);
      expect(progress).toBeLessThan(95);
    }, PATIENCE);
    expect((await portal.queue.getDelayed()).map(({ id }) => id)).toEqual([job.id]);

    engine.release();
    const ended = await completed(job);
    expect(ended.returnvalue).toMatchObject([{ id: 'Day-1/Morning/face:0.9.jpg' }]);
    expect(ended.attemptsStarted).toBe(2);
    expect(selfiesSeen(engine)).toBe(1);
  });

  test('keeps its probe, but not the selfie, and only until it ends', async () => {
    await addPhotos('Day-1', 'slow.jpg');
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    const { redis } = hosts[0] as WorkerHarness;
    const key = savedProbeKey(portal.queue.toKey(''), job.id ?? '');
    expect(await redis.get(key)).not.toContain(SELFIE);
    expect(await redis.ttl(key)).toBeGreaterThan(60);
    engine.release();
    await completed(job);
    expect(await redis.exists(key)).toBe(0);
  });

  test('starts again if its plan began between the end of a batch and the removal of its job', async () => {
    await addPhotos('Day-1', 'slow.jpg');
    const engine = await startHost();
    const first = await addSearch('Day-1');
    await inState(first, 'delayed');
    const second = await portal.add({ image: SELFIE, stage: 'Day-1' }, { delay: 600_000 });
    const { redis } = hosts[0] as WorkerHarness;
    const client = new Redis(server.port, '127.0.0.1');
    onTestFinished(() => client.disconnect());
    const plans = createIndexPlans(client, index, engine.pack.key);
    const [batch = ''] = await plans.batchIds('Day-1');
    const evaluate = redis.eval.bind(redis);
    vi.spyOn(redis, 'eval').mockImplementation(async (...call) => {
      const reply = await evaluate(...call);
      // The batch has ended. BullMQ still knows its job, and adds no other one with its id.
      if (call.includes(batch) && (await plans.begin('Day-1', [batch], 1))) {
        vi.mocked(redis.eval).mockRestore();
        await plans.join('Day-1', second.id);
      }
      return reply;
    });
    engine.release();
    await completed(first);
    await completed(second);
  });

  test('shares its plan with other searches: each starts at most twice, and each photo is indexed once', async () => {
    await addPhotos('Day-1', 'slow.jpg', ...numbered(100));
    const engines = [await startHost(), await startHost()];
    const jobs = [await addSearch('Day-1')];
    await inState(jobs[0] as Job, 'delayed');
    jobs.push(...(await Promise.all(Array.from({ length: 12 }, () => addSearch('Day-1')))));
    for (const job of jobs) await inState(job, 'delayed');
    for (const engine of engines) engine.release();
    const ended = await Promise.all(jobs.map(completed));
    expect(ended.map(({ attemptsStarted }) => attemptsStarted)).toEqual(jobs.map(() => 2));
    expect(engines.map(photosSeen).reduce((a, b) => a + b)).toBe(101);
    expect(engines.map(selfiesSeen).reduce((a, b) => a + b)).toBe(jobs.length);
  });

  test('waits again if a person promotes it', async () => {
    await addPhotos('Day-1', 'slow.jpg');
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    await (await readJob(job)).promote();
    await vi.waitFor(async () => expect((await readJob(job)).attemptsStarted).toBe(2), PATIENCE);
    await inState(job, 'delayed');
    engine.release();
    expect((await completed(job)).attemptsStarted).toBe(3);
    expect(selfiesSeen(engine)).toBe(1);
  });

  test('can be removed without leaving keys behind, and its photos are still indexed', async () => {
    await addPhotos('Day-1', 'slow.jpg', 'face:0.9.jpg');
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    await (await readJob(job)).remove();
    engine.release();
    const { redis } = hosts[0] as WorkerHarness;
    await vi.waitFor(async () => {
      expect(await redis.exists(savedProbeKey(portal.queue.toKey(''), job.id ?? ''))).toBe(0);
      expect(await redis.keys(`${indexPlanKeys(index.toKey('')).plan}*`)).toEqual([]);
    }, PATIENCE);
    expect((await completed(await addSearch('Day-1'))).returnvalue).toHaveLength(1);
    expect(photosSeen(engine)).toBe(2);
  });

  test('completes after the queue is paused and resumed', async () => {
    await addPhotos('Day-1', 'slow.jpg');
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    await portal.queue.pause();
    engine.release();
    await vi.waitFor(async () => expect(await job.getState()).not.toBe('delayed'), PATIENCE);
    expect(await portal.queue.getCompletedCount()).toBe(0);
    await portal.queue.resume();
    await completed(job);
  });

  test('plans again for batches whose jobs are gone', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg');
    await index.pause();
    const engine = await startHost();
    const job = await addSearch('Day-1');
    await inState(job, 'delayed');
    await index.obliterate();
    const { redis } = hosts[0] as WorkerHarness;
    const [plan] = await redis.keys(`${indexPlanKeys(index.toKey('')).plan}*`);
    // As if nothing had happened for a while.
    await redis.hincrby(plan ?? '', 'changed', -60);
    await index.resume();
    await (await readJob(job)).promote();
    expect((await completed(job)).returnvalue).toHaveLength(1);
    expect(photosSeen(engine)).toBe(1);
  });

  test('searches the current index after five rounds if photos stay without an index', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'face:0.8.jpg');
    await startHost();
    const { redis } = hosts[0] as WorkerHarness;
    const timer = setInterval(() => void redis.hdel(filesKey('Day-1'), 'face:0.8.jpg'), 1);
    const job = await addSearch('Day-1');
    const ended = await completed(job);
    clearInterval(timer);
    expect(ended.attemptsStarted).toBe(6);
    expect(ended.returnvalue).toMatchObject([{ id: 'Day-1/face:0.9.jpg' }]);
    expect(await logOf(job)).toContain('Searched without 1 photos that are not indexed yet');
  });
});

describe('stages take turns', () => {
  test('a small stage is complete while a large one that was requested earlier is still being indexed', async () => {
    await addPhotos('Large', ...numbered(600));
    await addPhotos('Small', ...numbered(10));
    const engine = await startHost(createScriptedEngine({ capacity: 1 }));
    const large = await addSearch('Large');
    await inState(large, 'delayed');
    const seenBefore = photosSeen(engine);
    const small = await completed(await addSearch('Small'));
    expect(await large.getState()).toBe('delayed');
    expect(small.returnvalue).toHaveLength(10);
    expect(photosSeen(engine) - seenBefore).toBeLessThan(400);
    await completed(large);
  });
});

describe('a photo that keeps failing', () => {
  test('is recorded and left out, so that later searches do not wait for it', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'fault.jpg', 'face:0.8.jpg');
    const engine = await startHost();
    const first = await completed(await addSearch('Day-1'));
    expect(first.attemptsStarted).toBe(2);
    const tried = photosSeen(engine);
    const second = await completed(await addSearch('Day-1'));
    expect(second.attemptsStarted).toBe(1);
    expect(photosSeen(engine)).toBe(tried);
    for (const job of [first, second]) {
      expect(job.returnvalue).toMatchObject([{ id: 'Day-1/face:0.9.jpg' }, { id: 'Day-1/face:0.8.jpg' }]);
      expect((await logOf(job)).join('\n')).toMatch(
        /^Skipped photo Day-1\/fault\.jpg: indexing it failed once \(The device is lost\.\); next try after \d{4}-/m,
      );
    }
    const { redis } = hosts[0] as WorkerHarness;
    expect(await redis.hkeys(BAD_PHOTOS_KEY)).toContain('Day-1/fault.jpg');
  });
});
