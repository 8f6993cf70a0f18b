import { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { cancelJob } from '../../../src/shared/cancel-job.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import {
  PLAIN_JOB,
  SLOW_JOB,
  STUCK_JOB,
  startWorker,
  type WorkerHarness,
} from '../../support/worker-harness.js';

// No command reaches this worker, so it can find a cancel only in Redis.
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

const cancel = (id = '') => cancelJob(portal.queue, host.redis, id);
const stateOf = (id = '') => portal.queue.getJobState(id);
const reasonOf = async (id = '') => (await Job.fromId(portal.queue, id))?.failedReason;

test.each([
  ['waits', {}],
  ['is delayed', { delay: 60_000 }],
  ['has a priority', { priority: 5 }],
])('a job that %s is removed', async (_, options) => {
  const { id } = await portal.add(PLAIN_JOB, options);
  expect(await cancel(id)).toBe('cancelled');
  expect(await stateOf(id)).toBe('unknown');
});

test('cancelling removes a job that waits in a paused queue', async () => {
  await portal.queue.pause();
  const { id } = await portal.add(PLAIN_JOB);
  expect(await cancel(id)).toBe('cancelled');
  expect(await stateOf(id)).toBe('unknown');
});

test('a job that is cancelled before its worker checks does not start', async () => {
  const job = await portal.add(STUCK_JOB, { attempts: 3 });
  await host.redis.hset(portal.queue.toKey(job.id ?? ''), 'cancelled', '0');
  host.worker.resume();
  await portal.reached(job, 'failed');
  expect(await reasonOf(job.id)).toMatch(/^CANCELLED: /);
  expect(engine.asked).toEqual([]);
});

test('a job whose worker misses the cancel fails when its work is done', async () => {
  host.worker.resume();
  const job = await portal.add(SLOW_JOB, { attempts: 3 });
  await engine.held();
  expect(await cancel(job.id)).toBe('cancelled');
  engine.release();
  await portal.reached(job, 'failed');
  expect(await reasonOf(job.id)).toMatch(/^CANCELLED: /);
  expect(await stateOf(job.id)).toBe('failed');
});

test('a cancel survives the death of the worker: the next worker does not start the job', async () => {
  host.worker.resume();
  const job = await portal.add(SLOW_JOB);
  await engine.held();
  expect(await cancel(job.id)).toBe('cancelled');
  await host.worker.drain(0);
  const other = await startWorker(portal.config, createScriptedEngine());
  other.worker.resume();
  await portal.reached(job, 'failed');
  expect(await reasonOf(job.id)).toMatch(/^CANCELLED: /);
  await other.stop();
});

test('a cancelled job completes after a manual retry', async () => {
  host.worker.resume();
  const job = await portal.add(SLOW_JOB);
  await engine.held();
  await cancel(job.id);
  engine.release();
  await portal.reached(job, 'failed');
  await job.retry('failed');
  await portal.reached(job, 'completed');
});

test('a job that has ended cannot be cancelled', async () => {
  host.worker.resume();
  const job = await portal.add(PLAIN_JOB);
  await portal.reached(job, 'completed');
  expect(await cancel(job.id)).toBe('ended');
});

test.each(['none', 'meta', 'id', 'events', 'wait', 'failed', 'completed'])(
  'an id that names no job (%s) changes nothing',
  async (id) => {
    host.worker.resume();
    await portal.reached(await portal.add(PLAIN_JOB), 'completed');
    await portal.reached(await portal.add({}), 'failed');
    await portal.queue.pause();
    await portal.add(PLAIN_JOB);
    const before = await host.redis.dump(portal.queue.toKey(id));
    expect(await cancel(id)).toBe('missing');
    expect(await host.redis.dump(portal.queue.toKey(id))).toEqual(before);
    expect(await portal.queue.isPaused()).toBe(true);
  },
);

test('at any moment, a cancelled job does not complete, and a job whose cancel was refused does', async () => {
  host.worker.resume();
  const jobs = await Promise.all(Array.from({ length: 40 }, () => portal.add(PLAIN_JOB, { attempts: 2 })));
  const answers = await Promise.all(
    jobs.map(async ({ id }, i) => {
      await new Promise((resolve) => {
        setTimeout(resolve, i * 5);
      });
      return { id, answer: await cancel(id) };
    }),
  );
  await Promise.all(
    answers.map(async ({ id, answer }) => {
      if (answer === 'cancelled') {
        await expect.poll(() => stateOf(id), { timeout: 20_000 }).toMatch(/^(unknown|failed)$/);
      } else {
        await expect.poll(() => stateOf(id), { timeout: 20_000 }).toBe('completed');
      }
    }),
  );
});
