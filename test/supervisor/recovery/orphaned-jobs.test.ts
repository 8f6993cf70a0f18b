import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ChildStats } from '../../../src/shared/ipc.js';
import {
  createOrphanedJobs,
  type JobHolder,
  type OrphanedJobs,
} from '../../../src/supervisor/recovery/orphaned-jobs.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';

const logger = pino({ level: 'silent' });

const IDLE: ChildStats = {
  rssMb: 1,
  cpuPercent: 0,
  eventLoopDelayMaxMs: 0,
  activeJobs: 0,
  stalledReason: null,
  inferenceSilentMs: 0,
  oomSteps: { halved: 0, shrunk: 0, onCpu: 0 },
};

/** A child as the supervisor knows it, with a real worker of the queue behind it. */
interface FakeChild extends JobHolder {
  readonly worker: Worker;
  running: string[];
  told: boolean;
  /** It answers a ping. */
  pong(): void;
}

describe('an orphaned job', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let children: FakeChild[];
  let orphanedJobs: OrphanedJobs;

  beforeAll(async () => {
    server = await startRedisServer();
    redis = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: null });
  });
  afterAll(async () => {
    redis.disconnect();
    await server.stop();
  });
  beforeEach(() => {
    queue = new Queue('face-search', { connection: redis });
    children = [createChild(), createChild()];
    orphanedJobs = createOrphanedJobs(
      async () => [queue],
      redis,
      () => children,
      logger,
    );
  });
  afterEach(async () => {
    await Promise.all(children.map(({ worker }) => worker.close(true)));
    await queue.close();
    await redis.flushall();
  });

  function createChild(): FakeChild {
    const worker = new Worker('face-search', null, { connection: redis, autorun: false });
    let stats = { ...IDLE };
    const child: FakeChild = {
      worker,
      running: [],
      told: true,
      pong: () => {
        stats = { ...IDLE };
      },
      ready: () => ({
        type: 'ready',
        engine: 'none',
        provider: 'cpu',
        modelPack: 'tiny',
        modelLicense: 'MIT',
        providerRefusals: [],
        concurrency: 1,
        lockTokenPrefixes: [worker.id],
      }),
      stats: () => stats,
      runningJobs: () => new Map(child.running.map((id) => [id, { progress: 0 }])),
      allJobsKnown: () => child.told,
    };
    return child;
  }

  /** The second child is given a job by Redis. */
  async function giveJob(): Promise<FakeChild> {
    await queue.add('search', {}, { jobId: 'a', attempts: 1 });
    const child = children[1] as FakeChild;
    await child.worker.getNextJob(`${child.worker.id}:7`, { block: false });
    return child;
  }

  const state = async (): Promise<string> => queue.getJobState('a');

  it('goes back to the queue at the second check and keeps all its attempts', async () => {
    const child = await giveJob();
    await orphanedJobs.check();
    expect(await state()).toBe('active');
    child.pong();
    await orphanedJobs.check();
    expect(await state()).toBe('waiting');
    expect((await queue.getJob('a'))?.attemptsMade).toBe(0);
  });

  it('stays while the child has not answered since the first check', async () => {
    const child = await giveJob();
    for (let n = 0; n < 4; n += 1) await orphanedJobs.check();
    expect(await state()).toBe('active');
    child.pong();
    await orphanedJobs.check();
    expect(await state()).toBe('waiting');
  });

  it.each<[string, (child: FakeChild) => void]>([
    ['runs', (child) => void (child.running = ['a'])],
    ['may wait for its turn', (child) => void (child.told = false)],
  ])('stays if the child then reports that it %s', async (_case, learn) => {
    const child = await giveJob();
    await orphanedJobs.check();
    learn(child);
    child.pong();
    await orphanedJobs.check();
    child.pong();
    await orphanedJobs.check();
    expect(await state()).toBe('active');
  });

  it('stays if another machine holds it', async () => {
    await giveJob();
    const elsewhere = children.splice(1);
    for (let n = 0; n < 3; n += 1) {
      for (const child of children) child.pong();
      await orphanedJobs.check();
    }
    expect(await state()).toBe('active');
    children.push(...elsewhere);
  });

  it('is checked from the start when it runs again', async () => {
    const child = await giveJob();
    await orphanedJobs.check();
    child.pong();
    child.running = ['a'];
    await orphanedJobs.check();
    child.running = [];
    child.pong();
    await orphanedJobs.check();
    expect(await state()).toBe('active');
  });
});
