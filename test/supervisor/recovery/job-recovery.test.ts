import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createJobRecovery, type JobRecovery } from '../../../src/supervisor/recovery/job-recovery.js';
import { jobCrashesKey } from '../../../src/shared/redis-keys.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';

const logger = pino({ level: 'silent' });

describe('the jobs of a dead child', () => {
  let server: RedisServer;
  let redis: Redis;
  let queue: Queue;
  let recovery: JobRecovery;
  const workers: Worker[] = [];

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
    recovery = createJobRecovery(async () => [queue], redis, logger);
  });
  afterEach(async () => {
    await Promise.all(workers.splice(0).map((worker) => worker.close(true)));
    await queue.close();
    await redis.flushall();
  });

  /** Takes a job as a child would that dies right after: nothing more is heard of it. */
  async function takeJob(): Promise<{ job: Job; lockTokenPrefix: string }> {
    const worker = new Worker('face-search', null, { connection: redis, autorun: false });
    workers.push(worker);
    const job = await worker.getNextJob(`${worker.id}:0`, { block: false });
    if (job === undefined) throw new Error('The queue is empty');
    return { job, lockTokenPrefix: worker.id };
  }

  const recover = async (lockTokenPrefix: string, suspects: string[], crashed = true): Promise<void> => {
    recovery.recover({
      lockTokenPrefixes: [lockTokenPrefix],
      suspects: new Set(suspects),
      crashed,
      description: 'The child was killed by SIGKILL',
    });
    await recovery.settled();
  };

  it('go back to the front of the queue and keep all their attempts', async () => {
    await queue.add('search', { image: 'x' }, { jobId: 'a', attempts: 3 });
    await queue.add('search', { image: 'y' }, { jobId: 'b' });
    const { lockTokenPrefix } = await takeJob();
    await recover(lockTokenPrefix, ['a']);
    expect((await queue.getWaiting()).map((job) => job.id)).toEqual(['a', 'b']);
    const { job } = await takeJob();
    expect(job).toMatchObject({ id: 'a', attemptsMade: 0, data: { image: 'x' } });
  });

  it('are found by their lock, even if the child had no time to report them', async () => {
    await queue.add('search', {}, { jobId: 'a' });
    const { lockTokenPrefix } = await takeJob();
    await recover(lockTokenPrefix, []);
    expect(await queue.getWaitingCount()).toBe(1);
  });

  it('go back to the queue after any number of crashes if they are index batches, which a child splits', async () => {
    const searches = new Queue('face-other', { connection: redis });
    recovery = createJobRecovery(async () => [searches, queue], redis, logger);
    await queue.add('index', {}, { jobId: 'a' });
    for (let crash = 0; crash < 4; crash += 1) {
      const { lockTokenPrefix } = await takeJob();
      await recover(lockTokenPrefix, ['a']);
    }
    expect((await queue.getWaiting()).map((job) => job.id)).toEqual(['a']);
    expect(await redis.get(jobCrashesKey('bull:face-search', 'a'))).toBe('4');
    await searches.close();
  });

  it('keep their priority', async () => {
    await queue.add('search', {}, { jobId: 'a', priority: 5 });
    const { lockTokenPrefix } = await takeJob();
    await recover(lockTokenPrefix, ['a']);
    expect((await queue.getPrioritized()).map((job) => job.id)).toEqual(['a']);
  });

  it('do not include jobs of another child', async () => {
    await queue.add('search', {}, { jobId: 'a' });
    await queue.add('search', {}, { jobId: 'b' });
    const { lockTokenPrefix } = await takeJob();
    await takeJob();
    await recover(lockTokenPrefix, ['a']);
    expect((await queue.getActive()).map((job) => job.id)).toEqual(['b']);
  });

  it('fail with CRASHED_WORKER after they crash the third child', async () => {
    await queue.add('search', {}, { jobId: 'poison', attempts: 5 });
    for (let crash = 1; crash <= 3; crash += 1) {
      const { lockTokenPrefix } = await takeJob();
      await recover(lockTokenPrefix, ['poison']);
    }
    const [failed] = await queue.getFailed();
    expect(failed?.failedReason).toMatch(/^CRASHED_WORKER: We could not finish this search/);
    const { logs } = await queue.getJobLogs('poison');
    expect(logs).toEqual([expect.stringContaining('3 workers died while they ran this job')]);
    expect(await queue.getWaitingCount()).toBe(0);
  });

  it('are not blamed if the child ended on command or the job had not started', async () => {
    await queue.add('search', {}, { jobId: 'a' });
    for (let round = 0; round < 4; round += 1) {
      const { lockTokenPrefix } = await takeJob();
      await recover(lockTokenPrefix, round % 2 === 0 ? ['a'] : [], round % 2 === 1);
    }
    expect(await queue.getWaitingCount()).toBe(1);
  });
});
