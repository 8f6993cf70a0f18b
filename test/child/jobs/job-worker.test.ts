import { Job, Queue, QueueEvents } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import {
  PATIENCE,
  PLAIN_JOB,
  SELFIE,
  SLOW_JOB,
  STUCK_JOB,
  startWorker,
  type WorkerHarness,
} from '../../support/worker-harness.js';

let server: RedisServer;
let portal: QueueHarness;
let engine: ScriptedEngine;
let host: WorkerHarness;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  portal = await createQueueHarness(server);
  engine = createScriptedEngine();
  host = await startWorker(portal.config, engine);
});
afterEach(async () => {
  await host.stop();
  await portal.close();
});

const reload = async (job: Job): Promise<Job> => {
  const found = await Job.fromId(portal.queue, job.id ?? '');
  if (found === undefined) throw new Error('The job is gone');
  return found;
};

describe('a job', () => {
  test('returns its matches, and reports its start and end', async () => {
    host.worker.resume();
    const job = await portal.add({ ...PLAIN_JOB, expand: false });
    await portal.reached(job, 'completed');
    expect((await reload(job)).returnvalue).toEqual([
      { id: 'a', score: expect.closeTo(0.9, 3), similarity: expect.closeTo(0.9, 3) },
    ]);
    await vi.waitFor(() => expect(host.worker.activeJobs()).toBe(0), PATIENCE);
    expect(host.told[0]).toBe(`started ${job.id}`);
    expect(host.told.at(-1)).toBe(`ended ${job.id} completed`);
  });

  test.each([
    ['data', '{"image":'],
    ['opts', 'null'],
    ['opts', '{'],
    ['progress', '{"a"'],
  ])('whose %s is %s fails, and the next one runs', async (field, text) => {
    const broken = await portal.add(PLAIN_JOB);
    const next = await portal.add(PLAIN_JOB);
    await host.redis.hset(portal.queue.toKey(broken.id ?? ''), field, text);
    host.worker.resume();
    await Promise.all([portal.reached(broken, 'failed'), portal.reached(next, 'completed')]);
    expect(await host.redis.hget(portal.queue.toKey(broken.id ?? ''), 'failedReason')).toMatch(
      /^INVALID_JOB/,
    );
  });

  test('has a progress in Redis that never falls and ends at 100', async () => {
    host.worker.resume();
    const gallery = Array.from({ length: 300 }, (_, n) => ({ id: String(n), image: 'face:0.1' }));
    const job = await portal.add({ image: SELFIE, gallery });
    await portal.reached(job, 'completed');
    const progress = portal.progressOf(job.id ?? '');
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.every(Number.isInteger)).toBe(true);
    expect(progress.at(-1)).toBe(100);
    expect((await reload(job)).progress).toBe(100);
  });

  test.each([
    ['INVALID_JOB', { gallery: PLAIN_JOB.gallery }],
    ['INVALID_IMAGE', { image: 'broken', gallery: PLAIN_JOB.gallery }],
    ['NO_FACE_DETECTED', { image: 'empty', gallery: PLAIN_JOB.gallery }],
    ['GALLERY_NOT_FOUND', { image: SELFIE, stage: 'Day-1' }],
  ])('that is at fault fails with %s at once, even if attempts are left', async (code, data) => {
    host.worker.resume();
    const job = await portal.add(data, { attempts: 3 });
    await portal.reached(job, 'failed');
    const failed = await reload(job);
    expect(failed.failedReason).toMatch(new RegExp(`^${code}: `));
    expect(failed.attemptsMade).toBe(1);
    expect(await failed.getState()).toBe('failed');
  });

  test('that fails because of the machine is retried until no attempt is left', async () => {
    host.worker.resume();
    const job = await portal.add({ image: 'fault', gallery: PLAIN_JOB.gallery }, { attempts: 3 });
    await portal.reached(job, 'failed');
    const failed = await reload(job);
    expect(failed.failedReason).toBe('The device is lost.');
    expect(failed.attemptsMade).toBe(3);
    const once = [`started ${job.id}`, `ended ${job.id} failed`];
    await vi.waitFor(() => expect(host.steps()).toEqual([...once, ...once, ...once]), PATIENCE);
    expect(host.worker.activeJobs()).toBe(0);
  });

  test('logs the first hundred skipped photos and the number of further ones', async () => {
    host.worker.resume();
    const gallery = Array.from({ length: 250 }, (_, n) => ({ id: `p${n}`, image: 'broken' }));
    const job = await portal.add({ image: SELFIE, gallery });
    await portal.reached(job, 'completed');
    const { logs } = await portal.queue.getJobLogs(job.id ?? '');
    expect(logs).toHaveLength(102);
    expect(logs[0]).toBe('Skipped 250 of 250 photos');
    const first = Array.from({ length: 99 }, (_, n) => `Skipped photo p${n}: It is no picture.`);
    expect(logs.slice(1, 100)).toEqual(first);
    expect(logs.at(-2)).toBe('… and 150 more lines');
  });

  test('completes even if its log or progress cannot be written', async () => {
    host.worker.resume();
    const job = await portal.add({ image: SELFIE, gallery: [{ id: 'a', image: 'slow' }] });
    await engine.held();
    const write = vi.spyOn(host.redis, 'eval').mockRejectedValue(new Error('no room'));
    engine.release();
    await portal.reached(job, 'completed');
    write.mockRestore();
    expect(host.lines).toContainEqual(expect.objectContaining({ level: 'warn', error: 'no room' }));
  });

  test('fails without a retry if it is cancelled while it runs', async () => {
    host.worker.resume();
    const job = await portal.add(STUCK_JOB, { attempts: 3 });
    await engine.held();
    host.worker.cancel('another');
    host.worker.cancel(job.id ?? '');
    await portal.reached(job, 'failed');
    const failed = await reload(job);
    expect(failed.failedReason).toBe('CANCELLED: This search was cancelled. You can start a new one.');
    expect(await failed.getState()).toBe('failed');
    expect(engine.inFlight()).toBe(0);
  });

  test.each([null, 'text', 7, [1]])('whose data is %j fails with INVALID_JOB', async (data) => {
    host.worker.resume();
    const job = await portal.add(data);
    await portal.reached(job, 'failed');
    expect((await reload(job)).failedReason).toMatch(/^INVALID_JOB: /);
    expect(host.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
  });

  test('without a removal setting removes completed jobs that are older than a day', async () => {
    host.worker.resume();
    const completed = portal.queue.toKey('completed');
    const now = Date.now();
    await host.redis.zadd(completed, now - 2 * 86_400_000, 'old', now - 3_600_000, 'recent');
    const job = await portal.add(PLAIN_JOB);
    await portal.reached(job, 'completed');
    expect(await host.redis.zrange(completed, 0, -1)).toEqual(['recent', job.id]);
  });

  test('has a lock token that begins with the prefix that the supervisor knows', async () => {
    host.worker.resume();
    const job = await portal.add(SLOW_JOB);
    await engine.held();
    const lock = await host.redis.get(`bull:${portal.config.queue.name}:${job.id}:lock`);
    expect(lock).toMatch(new RegExp(`^${host.worker.lockTokenPrefixes[0]}:\\d+$`));
    engine.release();
    await portal.reached(job, 'completed');
  });
});

test('ten clients that add jobs at the same time each get their own result', async () => {
  host.worker.resume();
  const connection = { host: '127.0.0.1', port: server.port };
  const events = new QueueEvents(portal.config.queue.name, { connection });
  const answers = await Promise.all(
    Array.from({ length: 10 }, async (_, client) => {
      const queue = new Queue(portal.config.queue.name, { connection });
      const gallery = [{ id: `photo of client ${client}`, image: 'face:0.9' }];
      const job = await queue.add('any name', { image: SELFIE, gallery, expand: false });
      const answer: unknown = await job.waitUntilFinished(events);
      await queue.close();
      return answer;
    }),
  );
  await events.close();
  expect(answers).toEqual(
    answers.map((_, client) => [
      { id: `photo of client ${client}`, score: expect.closeTo(0.9, 3), similarity: expect.closeTo(0.9, 3) },
    ]),
  );
});
