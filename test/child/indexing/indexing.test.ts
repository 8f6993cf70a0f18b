import { mkdir, mkdtemp, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Job, Queue } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createOptOuts } from '../../../src/gallery/store/opt-outs.js';
import { indexQueueName } from '../../../src/shared/index-batch.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import { PATIENCE, SELFIE, startWorker, type WorkerHarness } from '../../support/worker-harness.js';

let server: RedisServer;
let directory: string;
let portal: QueueHarness;
let hosts: WorkerHarness[];

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'indexing-'));
  hosts = [];
  portal = await createQueueHarness(server, { GALLERY_DIR: directory });
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await portal.close();
  await rm(directory, { recursive: true });
});

/**
 * A scripted engine reads what a photo shows from its content: the photo's own full path, so no photo of another test is
 * the same.
 */
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

/** The photos that an engine was asked to analyze. */
const analyzed = (...engines: ScriptedEngine[]): string[] =>
  engines.flatMap(({ asked }) =>
    asked.flatMap((source) =>
      source.kind === 'bytes' ? [path.relative(directory, Buffer.from(source.bytes).toString())] : [],
    ),
  );

async function search(stage: string, data: object = {}): Promise<Job> {
  const job = await portal.add({ image: SELFIE, stage, ...data });
  await portal.reached(job, 'completed');
  const ended = await Job.fromId(portal.queue, job.id ?? '');
  if (ended === undefined) throw new Error('The job is gone');
  return ended;
}

const idsOf = (job: Job): string[] => (job.returnvalue as { id: string }[]).map(({ id }) => id);

describe('a search of a folder', () => {
  test('waits for its photos without an error in the log', async () => {
    await addPhotos('Day-1', 'a.jpg');
    await startHost();
    await search('Day-1');
    expect(hosts.flatMap(({ lines }) => lines).filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('waits until its photos are indexed, and finds the right ones', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'face:0.2.jpg', 'empty.jpg');
    await addPhotos('Day-1/Morning', 'face:0.1,0.95.jpg');
    const engine = await startHost();
    const job = await search('Day-1');
    expect(idsOf(job)).toEqual(['Day-1/Morning/face:0.1,0.95.jpg', 'Day-1/face:0.9.jpg']);
    expect(analyzed(engine).toSorted()).toEqual([
      'Day-1/Morning/face:0.1,0.95.jpg',
      'Day-1/empty.jpg',
      'Day-1/face:0.2.jpg',
      'Day-1/face:0.9.jpg',
    ]);
  });

  test('analyses no photo twice: not for a second search, on another machine, or under another name', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'face:0.2.jpg');
    const first = await startHost();
    await search('Day-1');
    const second = await startHost();
    await Promise.all(Array.from({ length: 6 }, () => search('Day-1')));
    expect(analyzed(first, second)).toHaveLength(2);
  });

  test('indexes changed and new photos, recognises renamed and touched ones, and drops deleted ones', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'face:0.8.jpg', 'face:0.7.jpg', 'face:0.6.jpg');
    const engine = await startHost();
    await search('Day-1');
    await addPhotos('Day-1', 'face:0.95.jpg');
    await rm(path.join(directory, 'Day-1/face:0.8.jpg'));
    await rename(path.join(directory, 'Day-1/face:0.7.jpg'), path.join(directory, 'Day-1/face:0.65.jpg'));
    await utimes(path.join(directory, 'Day-1/face:0.9.jpg'), 1, 1);
    await writeFile(path.join(directory, 'Day-1/face:0.6.jpg'), path.join(directory, 'face:0.99.jpg'));
    const before = analyzed(engine).length;
    // A scan of the folder serves all searches for a second.
    await vi.waitFor(async () => {
      expect(idsOf(await search('Day-1'))).toEqual([
        'Day-1/face:0.6.jpg',
        'Day-1/face:0.95.jpg',
        'Day-1/face:0.9.jpg',
        'Day-1/face:0.65.jpg',
      ]);
    }, PATIENCE);
    expect(analyzed(engine).slice(before).toSorted()).toEqual(['Day-1/face:0.95.jpg', 'face:0.99.jpg']);
  });

  test('sees that a photo was replaced by one of the same size and mtime', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg');
    const file = path.join(directory, 'Day-1/face:0.9.jpg');
    await utimes(file, 1, 1);
    await startHost();
    expect(idsOf(await search('Day-1'))).toHaveLength(1);
    await writeFile(file, path.join(directory, 'Day-1/face:0.1.jpg'));
    await utimes(file, 1, 1);
    await vi.waitFor(async () => expect(idsOf(await search('Day-1'))).toEqual([]), PATIENCE);
  });

  test('is indexed by all machines, each photo once, even if two searches arrive together', async () => {
    const names = Array.from({ length: 300 }, (_, i) => `face:0.${String(i).padStart(3, '0')}.jpg`);
    await addPhotos('Day-1', ...names);
    const engines = [await startHost(), await startHost()];
    const jobs = await Promise.all([search('Day-1'), search('Day-1', { limit: 1 })]);
    expect(analyzed(...engines).toSorted()).toEqual(names.map((name) => `Day-1/${name}`).toSorted());
    for (const engine of engines) expect(analyzed(engine).length).toBeGreaterThan(0);
    expect(jobs.map((job) => idsOf(job).length)).toEqual([0, 0]);
  });

  test('shows the progress of its index, which never falls', async () => {
    const names = Array.from({ length: 400 }, (_, i) => `face:0.${String(i).padStart(3, '0')}.jpg`);
    await addPhotos('Day-1', ...names);
    await startHost();
    await startHost();
    const job = await search('Day-1');
    const progress = portal.progressOf(job.id ?? '');
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.at(-1)).toBe(100);
    expect(progress.filter((percent) => percent > 20 && percent < 95).length).toBeGreaterThan(3);
  });

  test('skips broken photos and names them in the log, also in later searches', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'broken.jpg');
    await startHost();
    for (let round = 0; round < 2; round += 1) {
      const job = await search('Day-1');
      expect(idsOf(job)).toEqual(['Day-1/face:0.9.jpg']);
      const { logs } = await portal.queue.getJobLogs(job.id ?? '');
      expect(logs).toEqual([
        'Searched again with the selfie and 1 confident match',
        'Skipped 1 of 2 photos',
        'Skipped photo Day-1/broken.jpg: It is no picture.',
      ]);
    }
  });

  test('counts only photos as skipped: not folders, other formats and failures beside them', async () => {
    await addPhotos(
      'Day-1',
      'face:0.9.jpg',
      'face:0.8.jpg',
      'broken.jpg',
      'fault.jpg',
      'raw.cr2',
      'a\\b.jpg',
    );
    await addPhotos('Day-1/@eaDir', 'face:0.9.jpg');
    await startHost();
    for (let round = 0; round < 2; round += 1) {
      const job = await search('Day-1');
      expect(idsOf(job)).toHaveLength(2);
      const { logs } = await portal.queue.getJobLogs(job.id ?? '');
      expect(logs.filter((line) => line.startsWith('Left out'))).toHaveLength(3);
      expect(logs.filter((line) => line.startsWith('Skipped '))).toEqual([
        'Skipped 2 of 4 photos',
        'Skipped photo Day-1/broken.jpg: It is no picture.',
        expect.stringContaining('Skipped photo Day-1/fault.jpg: indexing it failed once'),
      ]);
    }
  });

  test('logs why its stage cannot be searched', async () => {
    await addPhotos('Day-1', 'a.jpg');
    await startHost();
    const job = await portal.add({ image: SELFIE, stage: 'Day-9' });
    await portal.reached(job, 'failed');
    expect((await portal.queue.getJobLogs(job.id ?? '')).logs).toEqual([expect.stringContaining('Day-9')]);
  });

  test('leaves no batch behind in the index queue', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'broken.jpg');
    await startHost();
    await search('Day-1');
    const index = new Queue(indexQueueName(portal.config.queue.name), {
      connection: { host: '127.0.0.1', port: server.port },
    });
    expect(await index.getJobCounts()).toMatchObject({ waiting: 0, active: 0, completed: 0, failed: 0 });
    await index.close();
  });
});

describe('excluded people', () => {
  test('are never found by any search', async () => {
    await portal.close();
    portal = await createQueueHarness(server, { GALLERY_DIR: directory, EXCLUDED_STAGE: 'Day-1/Staff' });
    // Of the two faces that are like the selfie, the second is also like the one that is excluded.
    await addPhotos('Day-1', 'face:0.995.jpg', 'face:0.7.jpg');
    await addPhotos('Day-1/Staff', 'face:0.5.jpg');
    await startHost();
    expect(idsOf(await search('Day-1'))).toEqual(['Day-1/face:0.995.jpg']);
    // An excluded person finds no photo.
    expect(idsOf(await search('Day-1', { image: 'face:0.5' }))).toEqual([]);
  });
});

describe('excluded people of photos that a job lists', () => {
  test('are never found', async () => {
    await portal.close();
    portal = await createQueueHarness(server, { GALLERY_DIR: directory, EXCLUDED_STAGE: 'Staff' });
    await addPhotos('Staff', 'face:0.5.jpg');
    await startHost();
    const gallery = [
      { id: 'student', image: 'face:0.995' },
      { id: 'staff', image: 'face:0.7' },
    ];
    expect(idsOf(await search('', { gallery }))).toEqual(['student']);
    expect(idsOf(await search('', { gallery, image: 'face:0.5' }))).toEqual([]);
  });

  test('are waited for without logging the skipped photos twice', async () => {
    await portal.close();
    portal = await createQueueHarness(server, { GALLERY_DIR: directory, EXCLUDED_STAGE: 'Staff' });
    await addPhotos('Staff', 'face:0.5.jpg');
    await startHost();
    const gallery = [
      { id: 'student', image: 'face:0.995' },
      { id: 'bad', image: 'broken' },
    ];
    const job = await search('', { gallery });
    expect(job.attemptsStarted).toBe(2);
    const { logs } = await portal.queue.getJobLogs(job.id ?? '');
    expect(logs.filter((line) => line.startsWith('Skipped'))).toEqual([
      'Skipped 1 of 2 photos',
      'Skipped photo bad: It is no picture.',
    ]);
  });
});

async function optOut(cosine: number): Promise<void> {
  const embedding = Float32Array.of(cosine, Math.sqrt(1 - cosine ** 2));
  const redis = hosts[0]?.redis;
  if (redis === undefined) throw new Error('No worker runs');
  await createOptOuts(redis).add({ packKey: 'scripted', probes: [{ embedding, minCosine: 0.999 }] });
}

describe('people who have opted out', () => {
  beforeEach(async () => {
    const redis = await portal.queue.client;
    await redis.del('worker:opt-outs');
  });

  test('are not found in the photos of a stage, of a path, or of the job itself', async () => {
    await addPhotos('Day-1', 'face:0.9.jpg', 'face:0.8,0.7.jpg', 'face:0.8.jpg');
    await startHost();
    await optOut(0.8);
    expect(idsOf(await search('Day-1'))).toEqual(['Day-1/face:0.9.jpg', 'Day-1/face:0.8,0.7.jpg']);
    const gallery = [
      { id: 'path', path: 'Day-1/face:0.8.jpg' },
      { id: 'inline', image: 'face:0.8' },
      { id: 'other', image: 'face:0.9' },
    ];
    expect(idsOf(await search('', { gallery }))).toEqual(['other']);
  });

  test('still keep faces like theirs out of results if their photo is in the excluded stage', async () => {
    await portal.close();
    portal = await createQueueHarness(server, { GALLERY_DIR: directory, EXCLUDED_STAGE: 'Staff' });
    await addPhotos('Staff', 'face:0.5.jpg');
    await addPhotos('Day-1', 'face:0.995.jpg', 'face:0.7.jpg');
    await startHost();
    await optOut(0.5);
    expect(idsOf(await search('Day-1'))).toEqual(['Day-1/face:0.995.jpg']);
  });

  test('are computed again for the excluded stage if a copy was indexed without them', async () => {
    await portal.close();
    portal = await createQueueHarness(server, { GALLERY_DIR: directory, EXCLUDED_STAGE: 'Staff' });
    await addPhotos('Day-1', 'face:0.995.jpg', 'face:0.7.jpg', 'face:0.5.jpg');
    const withoutStage = { ...portal.config, gallery: { ...portal.config.gallery, excludedStage: null } };
    const first = await startWorker(withoutStage, createScriptedEngine());
    hosts.push(first);
    await optOut(0.5);
    first.worker.resume();
    await search('Day-1');
    await first.worker.drain(0);
    await mkdir(path.join(directory, 'Staff'));
    const copied = path.join(directory, 'Day-1/face:0.5.jpg');
    await writeFile(path.join(directory, 'Staff/copy.jpg'), copied);
    await startHost();
    expect(idsOf(await search('Day-1'))).toEqual(['Day-1/face:0.995.jpg']);
  });
});

test('the selfie is deleted from a completed job, and the rest of its data stays', async () => {
  await startHost();
  const job = await portal.add({ image: SELFIE, gallery: [{ id: 'a', image: 'face:0.9' }], uid: 7 });
  await portal.reached(job, 'completed');
  await vi.waitFor(async () => {
    const ended = await Job.fromId(portal.queue, job.id ?? '');
    expect(ended?.data).toEqual({ image: null, gallery: [{ id: 'a', image: 'face:0.9' }], uid: 7 });
  }, PATIENCE);
});
