import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { writeTinyModels } from '../../scripts/tiny/models.mjs';
import { drawScene } from '../../scripts/tiny/scene.mjs';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { forkRealChild, type RealChild } from '../support/child-process.js';
import { createQueueHarness, type QueueHarness } from '../support/queue-harness.js';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';

let directory: string;
let server: RedisServer;
let portal: QueueHarness;
let child: RealChild;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'child-'));
  await writeTinyModels(path.join(directory, 'models'));
});
afterAll(() => rm(directory, { recursive: true }));
beforeEach(async () => {
  server = await startRedisServer();
  portal = await createQueueHarness(server, {
    MODELS_DIR: path.join(directory, 'models'),
    MODEL_PACK: 'tiny',
    GALLERY_DIR: directory,
    LOG_LEVEL: 'silent',
  });
  child = forkRealChild();
});
afterEach(async () => {
  await child.stop();
  await portal.close();
  await server.stop();
});

/** A photo with one person in it, or with none. */
async function draw(...people: number[]): Promise<Buffer> {
  const faces = people.map((person, index) => ({ person, x: 40 + index * 200, y: 90, sizePx: 110 }));
  return drawScene({ widthPx: 480, heightPx: 320, faces });
}
const base64 = async (...people: number[]) => (await draw(...people)).toString('base64');

async function serving(): Promise<void> {
  await child.hear('hello');
  child.init(portal.config);
  await child.hear('ready');
}

test('returns the photos that show the person', async () => {
  await writeFile(path.join(directory, 'file.png'), await draw(7));
  await serving();
  const job = await portal.add({
    image: await base64(7),
    gallery: [
      { id: 'alone', image: await base64(7) },
      { id: 'together', image: await base64(300, 7) },
      { id: 'another', image: await base64(300) },
      { id: 'nobody', image: await base64() },
      { id: 'file', path: 'file.png' },
      { id: 'broken', image: 'AAAA' },
    ],
  });
  await portal.reached(job, 'completed');
  const { returnvalue } = (await Job.fromId(portal.queue, job.id ?? '')) as Job<unknown, { id: string }[]>;
  expect(returnvalue.map(({ id }) => id).toSorted()).toEqual(['alone', 'file', 'together']);
  expect((await portal.queue.getJobLogs(job.id ?? '')).logs).toContain('Skipped 1 of 6 photos');
});

test('ignores a signal to the whole process group', async () => {
  await serving();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTSTP'] as const) child.process.kill(signal);
  const job = await portal.add({ image: await base64(7), gallery: [] });
  await portal.reached(job, 'completed');
  child.order({ type: 'drain', timeoutMs: 10_000 });
  expect(await child.exited).toEqual({ code: EXIT_CODES.ok, signal: null });
});

test('ends within ten seconds after its supervisor dies, even while Redis does not answer', async () => {
  await serving();
  const picture = await base64(7);
  const started = child.hear('job-started');
  await portal.add({
    image: picture,
    gallery: Array.from({ length: 200 }, (_, n) => ({ id: String(n), image: picture })),
  });
  await started;
  server.signal('SIGSTOP');
  const deadline = setTimeout(() => child.process.kill('SIGKILL'), 10_000);
  child.process.disconnect();
  const { code } = await child.exited;
  clearTimeout(deadline);
  server.signal('SIGCONT');
  expect(code).toBe(EXIT_CODES.ok);
});

test('ends if its supervisor dies before it sends a configuration', async () => {
  await child.hear('hello');
  child.process.disconnect();
  expect(await child.exited).toEqual({ code: EXIT_CODES.ok, signal: null });
});

/** The reason that the child gives for taking no jobs. */
async function stalledReason(): Promise<string | null> {
  const pong = child.hear('pong');
  child.order({ type: 'ping', seq: 1 });
  return (await pong).stats.stalledReason;
}

test('takes no job and fails none while its photos are missing, and continues when they are back', async () => {
  const gallery = path.join(directory, 'mount');
  const config = { ...portal.config, gallery: { ...portal.config.gallery, dir: gallery } };
  await mkdir(path.join(directory, 'photos/Day-1'), { recursive: true });
  await writeFile(path.join(directory, 'photos/Day-1/p.png'), await draw(7));
  await child.hear('hello');
  child.init(config);
  await child.hear('ready');
  expect(await stalledReason()).toBe('GALLERY_DIR does not exist; check the path, and whether it is mounted');
  const job = await portal.add({ image: await base64(7), stage: 'Day-1' });
  await mkdir(gallery);
  await vi.waitFor(async () => expect(await stalledReason()).toContain('empty'), { timeout: 20_000 });
  expect(await job.getState()).toBe('waiting');

  await rm(gallery, { recursive: true });
  await rename(path.join(directory, 'photos'), gallery);
  await portal.reached(job, 'completed');
  expect(await stalledReason()).toBeNull();

  await rm(gallery, { recursive: true });
  await vi.waitFor(async () => expect(await stalledReason()).toContain('GALLERY_DIR'), { timeout: 20_000 });
  const next = await portal.add({ image: await base64(7), stage: 'Day-1' });
  await mkdir(path.join(gallery, 'Day-2'), { recursive: true });
  await portal.reached(next, 'failed');
  expect((await Job.fromId(portal.queue, next.id ?? ''))?.failedReason).toContain('GALLERY_NOT_FOUND');
});

test('names a missing model and exits with a code that prevents a restart', async () => {
  await child.hear('hello');
  const failing = child.hear('failing');
  child.init({
    ...portal.config,
    engine: {
      ...portal.config.engine,
      modelPack: 'mobilefacenet',
      modelsDir: path.join(directory, 'nowhere'),
    },
  });
  expect((await failing).error).toContain('nowhere');
  expect(await child.exited).toEqual({ code: EXIT_CODES.modelsMissing, signal: null });
});

test('says what to start instead if it is started by hand', () => {
  const { status, stderr } = spawnSync(process.execPath, ['dist/child.js'], { encoding: 'utf8' });
  expect(status).toBe(EXIT_CODES.crash);
  expect(stderr).toContain('node dist/supervisor.js');
});
