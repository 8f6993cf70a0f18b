import { type Job, Worker, type WorkerOptions } from 'bullmq';
import { expect, test, vi } from 'vitest';
import { createQueueHarness } from '../../support/queue-harness.js';
import { startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createScriptedEngine } from '../../support/scripted-engine.js';
import { PATIENCE, STUCK_JOB, startWorker } from '../../support/worker-harness.js';

// A job's lock is renewed every 15 s; here many times a second.
vi.mock('bullmq', async (original) => {
  const bullmq = await original<typeof import('bullmq')>();
  class HastyWorker extends bullmq.Worker {
    constructor(name: string, work: (job: Job, token?: string) => Promise<unknown>, options: WorkerOptions) {
      super(name, work, { ...options, lockDuration: 400 });
    }
  }
  return { ...bullmq, Worker: HastyWorker };
});

test('a worker stops a job whose lock is lost and writes nothing more to it', async () => {
  expect(Worker.name).toBe('HastyWorker');
  const server = await startRedisServer();
  const portal = await createQueueHarness(server);
  const engine = createScriptedEngine();
  const host = await startWorker(portal.config, engine);
  host.worker.resume();
  const job = await portal.add(STUCK_JOB);
  await engine.held();
  const lock = `bull:${portal.config.queue.name}:${job.id}:lock`;
  await host.redis.set(lock, "another worker's");
  await vi.waitFor(
    () => expect(host.steps()).toEqual([`started ${job.id}`, `ended ${job.id} returned`]),
    PATIENCE,
  );

  expect(host.worker.activeJobs()).toBe(0);
  expect(engine.inFlight()).toBe(0);
  expect(await host.redis.get(lock)).toBe("another worker's");
  expect(await job.getState()).toBe('active');
  expect(host.lines).toContainEqual(
    expect.objectContaining({ level: 'warn', error: `could not renew lock for job ${job.id}` }),
  );
  await host.stop();
  await portal.close();
  await server.stop();
});
