import { Job } from 'bullmq';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createScriptedEngine, type ScriptedEngine } from '../../support/scripted-engine.js';
import {
  PATIENCE,
  PLAIN_JOB,
  SLOW_JOB,
  STUCK_JOB,
  startWorker,
  type WorkerHarness,
} from '../../support/worker-harness.js';

let server: RedisServer;
let portal: QueueHarness;
let engine: ScriptedEngine;
let host: WorkerHarness;

beforeEach(async () => {
  server = await startRedisServer({ appendOnly: true });
  portal = await createQueueHarness(server);
  engine = createScriptedEngine();
  host = await startWorker(portal.config, engine);
  host.worker.resume();
});
afterEach(async () => {
  await host.stop();
  await portal.close();
  await server.stop();
});

/** Settles when the worker has noticed that Redis is away. */
const noticed = () =>
  new Promise<void>((resolve) => {
    host.redis.once('reconnecting', () => resolve());
  });

const troubles = () => host.lines.filter((line) => line.level === 'error' || line.level === 'warn');

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'a job that runs while Redis restarts (%s) completes once',
  async (signal) => {
    const job = await portal.add(SLOW_JOB, { attempts: 1 });
    await engine.held();
    const away = noticed();
    await server.halt(signal);
    await away;
    engine.release();
    await server.start();
    await portal.reached(job, 'completed');
    await vi.waitFor(
      () => expect(host.steps()).toEqual([`started ${job.id}`, `ended ${job.id} completed`]),
      PATIENCE,
    );
    const done = await Job.fromId(portal.queue, job.id ?? '');
    expect(done?.returnvalue).toHaveLength(0);
    expect(done?.attemptsMade).toBe(1);
    expect(troubles()).toHaveLength(1);
  },
);

test('an idle worker takes a job after Redis is back', async () => {
  const first = await portal.add(PLAIN_JOB);
  await portal.reached(first, 'completed');
  for (let n = 0; n < 2; n += 1) {
    const away = noticed();
    await server.halt();
    await away;
    await server.start();
    const job = await portal.add(PLAIN_JOB);
    await portal.reached(job, 'completed');
  }
});

test('a worker drains in time while Redis is unreachable', async () => {
  await portal.add(STUCK_JOB);
  await engine.held();
  const away = noticed();
  await server.halt();
  await away;
  await host.worker.drain(10);
  expect(host.steps()).toHaveLength(1);
  await server.start();
  await portal.reached(await portal.add(PLAIN_JOB), 'waiting');
});

test('a worker drains in time while Redis does not answer', async () => {
  await portal.add(STUCK_JOB);
  await engine.held();
  server.signal('SIGSTOP');
  await host.worker.drain(10);
  server.signal('SIGCONT');
});

test('if Redis refuses a fetch, the worker warns once, retries with pauses, and continues when Redis accepts it', async () => {
  host.worker.quiet();
  const job = await portal.add(PLAIN_JOB);
  await host.redis.config('SET', 'maxmemory', '1');
  const commands = async () =>
    Number(/total_commands_processed:(\d+)/.exec(await host.redis.info('stats'))?.[1]);
  const before = await commands();
  host.worker.resume();
  await vi.waitFor(() => expect(troubles().length).toBeGreaterThan(0), PATIENCE);
  await new Promise((resolve) => {
    setTimeout(resolve, 1200);
  });
  expect((await commands()) - before).toBeLessThan(500);
  expect(new Set(troubles().map((line) => line['error'])).size).toBe(troubles().length);
  await host.redis.config('SET', 'maxmemory', '0');
  await portal.reached(job, 'completed');
});

test('a job that runs while Redis is full goes back to the queue, and completes when Redis has room', async () => {
  const job = await portal.add(SLOW_JOB, { attempts: 1 });
  await engine.held();
  await host.redis.config('SET', 'maxmemory', '1');
  engine.release();
  await vi.waitFor(() => expect(host.steps().at(-1)).toBe(`ended ${job.id} returned`), PATIENCE);
  await host.redis.config('SET', 'maxmemory', '0');
  await portal.reached(job, 'completed');
});
