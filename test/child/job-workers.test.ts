import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import type { GalleryService } from '../../src/child/gallery-thread/start-gallery-thread.js';
import type { GalleryProblem } from '../../src/child/gallery-thread/gallery-watch.js';
import { createJobWorkers, type JobWorkers } from '../../src/child/job-workers.js';
import { GalleryUnavailableError } from '../../src/shared/errors.js';
import { createRedis, redisReady } from '../../src/shared/redis-connection.js';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { recordLog } from '../support/log-recorder.js';
import { createQueueHarness, type QueueHarness } from '../support/queue-harness.js';
import { createScriptedEngine } from '../support/scripted-engine.js';
import { PATIENCE, SELFIE, STUCK_JOB } from '../support/worker-harness.js';

let server: RedisServer;
let portal: QueueHarness;
let workers: JobWorkers;
let problem: GalleryProblem | null;
let tell: (problem: GalleryProblem | null) => void;
let disconnect: () => void;
const search = vi.fn<GalleryService['search']>();

const engine = createScriptedEngine();

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  portal = await createQueueHarness(server, { GALLERY_DIR: '/nowhere' });
  const { logger } = recordLog();
  const redis = createRedis(portal.config.redis, logger, { connectionName: 'host_cpu0' });
  await redisReady(redis);
  disconnect = () => redis.disconnect();
  problem = null;
  const set = (next: GalleryProblem | null): void => {
    problem = next;
    tell(next);
  };
  const galleries: GalleryService = {
    search,
    findExcluded: async (embeddings) => ({ excluded: embeddings.map(() => false), batches: [] }),
    problem: () => problem,
    report: (reason) => set({ reason, hung: false }),
    onProblem: (listener) => {
      tell = (next) => {
        problem = next;
        listener(next);
      };
    },
    died: new Promise(() => {}),
    stop: async () => {},
  };
  workers = createJobWorkers({
    config: portal.config,
    workerId: 'host_cpu0',
    engine,
    galleries,
    redis,
    events: { started: () => {}, progress: () => {}, timed: () => {}, ended: () => {} },
    logger,
  });
  workers.resume();
});
afterEach(async () => {
  await workers.drain(0);
  disconnect();
  await portal.close();
});

test('a search that finds the gallery unavailable returns to the queue, and no other one starts', async () => {
  search.mockRejectedValue(new GalleryUnavailableError('It is gone'));
  const job = await portal.add({ image: SELFIE, stage: 'Day-1' }, { attempts: 1 });
  await vi.waitFor(async () => {
    expect(workers.stalledReason()).toBe('It is gone');
    expect(await job.getState()).toBe('waiting');
  }, PATIENCE);
  search.mockClear();
  const next = await portal.add({ image: SELFIE, stage: 'Day-1' });
  expect(await next.getState()).toBe('waiting');
  expect(search).not.toHaveBeenCalled();

  search.mockRejectedValue(new Error('The search itself fails'));
  tell(null);
  await portal.reached(next, 'failed');
});

test('a gallery that hangs gives the running jobs back', async () => {
  const job = await portal.add(STUCK_JOB, { attempts: 1 });
  await engine.held();
  tell({ reason: 'It hangs', hung: true });
  await vi.waitFor(async () => {
    expect(await job.getState()).toBe('waiting');
    expect(workers.activeJobs()).toBe(0);
  }, PATIENCE);
});

test('a worker searches for as many students at a time as its engine takes images', async () => {
  const jobs = [];
  for (let i = 0; i <= engine.capacity; i += 1) jobs.push(await portal.add(STUCK_JOB, { attempts: 1 }));
  await vi.waitFor(() => expect(engine.inFlight()).toBe(engine.capacity), PATIENCE);
  expect(workers.activeJobs()).toBe(engine.capacity);
  expect(await jobs.at(-1)?.getState()).toBe('waiting');
});

test('a worker that is paused stays paused when its gallery is back', async () => {
  tell({ reason: 'It is gone', hung: false });
  workers.quiet();
  tell(null);
  const job = await portal.add({ image: SELFIE, gallery: [] });
  // A fetch that was in flight may still bring the job, which then goes back.
  await vi.waitFor(async () => expect(await job.getState()).toBe('waiting'), PATIENCE);
  workers.resume();
  await portal.reached(job, 'completed');
});
