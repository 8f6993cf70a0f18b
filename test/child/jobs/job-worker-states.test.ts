import { setImmediate as nextTurn } from 'node:timers/promises';
import { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { jobCrashesKey } from '../../../src/shared/redis-keys.js';
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

describe('quiet and resume', () => {
  test('a worker takes no jobs until it resumes', async () => {
    const job = await portal.add(PLAIN_JOB);
    await portal.reached(job, 'waiting');
    expect(host.told).toEqual([]);
    host.worker.resume();
    await portal.reached(job, 'completed');
  });

  test('a quiet worker finishes its job and takes no other one until it resumes', async () => {
    host.worker.resume();
    const first = await portal.add(SLOW_JOB);
    await engine.held();
    host.worker.quiet();
    engine.release();
    await portal.reached(first, 'completed');
    const asked = engine.asked.length;
    const second = await portal.add(PLAIN_JOB, { attempts: 1 });
    await portal.reached(second, 'waiting');
    expect(engine.asked).toHaveLength(asked);
    host.worker.resume();
    await portal.reached(second, 'completed');
    expect((await reload(second)).attemptsMade).toBe(1);
  });

  test('a quiet worker gives back a job that a fetch in flight still brings', async () => {
    host.worker.resume();
    await host.fetching();
    host.worker.quiet();
    const job = await portal.add(PLAIN_JOB, { attempts: 1 });
    await vi.waitFor(() => expect(host.told).toEqual([`ended ${job.id} returned`]), PATIENCE);
    const returned = await reload(job);
    expect(await returned.getState()).toBe('waiting');
    expect(returned.attemptsMade).toBe(0);
    expect(engine.asked).toEqual([]);
  });

  test('a worker that becomes quiet while it fetches leaves the job to other workers', async () => {
    host.worker.resume();
    await host.fetching();
    host.worker.quiet();
    const job = await portal.add(PLAIN_JOB);
    const other = await startWorker(portal.config, createScriptedEngine());
    other.worker.resume();
    await portal.reached(job, 'completed');
    await other.stop();
    expect(other.told.at(-1)).toBe(`ended ${job.id} completed`);
  });

  test('quiet and resume can follow each other quickly', async () => {
    host.worker.resume();
    for (let n = 0; n < 5; n += 1) {
      host.worker.quiet();
      host.worker.resume();
    }
    const job = await portal.add(PLAIN_JOB);
    await portal.reached(job, 'completed');
  });
});

describe('drain', () => {
  test('finishes the running jobs and takes no new ones', async () => {
    host.worker.resume();
    const running = await portal.add(SLOW_JOB);
    await engine.held();
    const drained = host.worker.drain(60_000);
    const waiting = await portal.add(PLAIN_JOB);
    engine.release();
    await drained;
    expect(await (await reload(running)).getState()).toBe('completed');
    expect(await (await reload(waiting)).getState()).toBe('waiting');
  });

  test('gives back jobs that do not finish in time, with all their attempts', async () => {
    host.worker.resume();
    const job = await portal.add(STUCK_JOB, { attempts: 1 });
    await engine.held();
    await host.worker.drain(50);
    const returned = await reload(job);
    expect(await returned.getState()).toBe('waiting');
    expect(returned.attemptsMade).toBe(0);
    expect(host.told.at(-1)).toBe(`ended ${job.id} returned`);
    expect(host.worker.activeJobs()).toBe(0);
  });

  test('the next worker completes a job that was given back', async () => {
    host.worker.resume();
    const job = await portal.add(SLOW_JOB, { attempts: 1 });
    await engine.held();
    await host.worker.drain(0);
    engine.release();
    host = await startWorker(portal.config, engine);
    host.worker.resume();
    await portal.reached(job, 'completed');
  });

  test('a second call can shorten the time but not extend it', async () => {
    host.worker.resume();
    const job = await portal.add(STUCK_JOB);
    await engine.held();
    const first = host.worker.drain(3_600_000);
    const second = host.worker.drain(20);
    const third = host.worker.drain(3_600_000);
    await Promise.all([first, second, third]);
    expect(await (await reload(job)).getState()).toBe('waiting');
  });

  test('drains an idle worker at once, quiet or not', async () => {
    await host.worker.drain(3_600_000);
    host = await startWorker(portal.config, engine);
    host.worker.resume();
    await host.worker.drain(3_600_000);
    await host.worker.drain(3_600_000);
  });
});

describe('a dead engine', () => {
  test('gives its jobs back with all their attempts', async () => {
    host.worker.resume();
    const job = await portal.add(STUCK_JOB, { attempts: 1 });
    await engine.held();
    engine.die();
    await engine.died;
    await host.worker.drain(0);
    const returned = await reload(job);
    expect(await returned.getState()).toBe('waiting');
    expect(returned.attemptsMade).toBe(0);
  });

  test('fails a job that has crashed three threads or children', async () => {
    const { qualifiedName } = portal.queue;
    host.worker.resume();
    const job = await portal.add(STUCK_JOB, { attempts: 3 });
    await host.redis.set(jobCrashesKey(qualifiedName, job.id ?? ''), '2');
    await engine.held();
    engine.die();
    await engine.died;
    await host.worker.drain(0);
    expect(await (await reload(job)).getState()).toBe('failed');
    expect((await reload(job)).failedReason).toMatch(/^CRASHED_WORKER: /);
  });

  test('does not count against a job that had not started', async () => {
    const job = await portal.add(PLAIN_JOB);
    engine.die();
    await engine.died;
    host.worker.resume();
    await vi.waitFor(async () => expect(host.told.at(-1)).toMatch(/^ended/), PATIENCE);
    expect(await host.redis.get(jobCrashesKey(portal.queue.qualifiedName, job.id ?? ''))).toBeNull();
  });
});

test('a worker that is stopped while it connects leaves no unhandled rejection', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  for (let turns = 0; turns < 40; turns += 1) {
    const other = await startWorker(portal.config, engine);
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    await other.stop();
  }
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});
