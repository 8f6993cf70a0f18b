import { Job } from 'bullmq';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { deleteDueSelfies, startSelfieSweep } from '../../../src/child/jobs/selfies.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { createScriptedEngine } from '../../support/scripted-engine.js';
import { recordLog } from '../../support/log-recorder.js';
import {
  PATIENCE,
  PLAIN_JOB,
  SELFIE,
  startWorker,
  type WorkerHarness,
} from '../../support/worker-harness.js';

const DAY_MS = 86_400_000;
const FAILING = { ...PLAIN_JOB, image: 'empty', uid: 's1' };

let server: RedisServer;
let portal: QueueHarness;
let host: WorkerHarness;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  portal = await createQueueHarness(server);
  host = await startWorker(portal.config, createScriptedEngine());
  host.worker.resume();
});
afterEach(async () => {
  await host.stop();
  await portal.close();
});

const dataOf = async ({ id = '' }: Job) => (await Job.fromId(portal.queue, id))?.data as unknown;
const deleteDue = (dueMs: number, state: 'completed' | 'failed' = 'failed') =>
  deleteDueSelfies(portal.queue, host.redis, state, dueMs, new AbortController().signal);

test('the selfie of a completed job is deleted at once', async () => {
  const job = await portal.add({ ...PLAIN_JOB, uid: 's1' });
  await portal.reached(job, 'completed');
  await vi.waitFor(
    async () => expect(await dataOf(job)).toEqual({ ...PLAIN_JOB, uid: 's1', image: null }),
    PATIENCE,
  );
});

test('the selfie of a job that completes at its second attempt is deleted too', async () => {
  const job = await portal.add(FAILING);
  await portal.reached(job, 'failed');
  await job.updateData({ ...PLAIN_JOB, uid: 's1' });
  await job.retry('failed');
  await portal.reached(job, 'completed');
  await vi.waitFor(async () => expect(await dataOf(job)).toMatchObject({ image: null, uid: 's1' }), PATIENCE);
});

test('a job that fails keeps its selfie, so that a retry works', async () => {
  const job = await portal.add(FAILING);
  await portal.reached(job, 'failed');
  expect(await deleteDue(Date.now() - DAY_MS)).toBe(0);
  expect(await dataOf(job)).toEqual(FAILING);
});

test('with a retention of 0, the selfie of a failed job is deleted at once', async () => {
  await host.stop();
  const config = { ...portal.config, jobs: { ...portal.config.jobs, failedSelfieRetentionMs: 0 } };
  host = await startWorker(config, createScriptedEngine());
  host.worker.resume();
  const job = await portal.add(FAILING);
  await portal.reached(job, 'failed');
  await vi.waitFor(async () => expect(await dataOf(job)).toMatchObject({ image: null, uid: 's1' }), PATIENCE);
});

const NESTED = `{"image":"${SELFIE}","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`;

test.each([
  // Node.js 26 can write it.
  ['nests too deeply for JSON.stringify', NESTED, /^\{"image":null[,}]/],
  ['is no JSON', `{"image":"${SELFIE}`, /^null$/],
  ['is a text', `"${SELFIE}"`, /^null$/],
  ['is a list', `["${SELFIE}"]`, /^null$/],
])('data that %s is deleted, too, and so are the selfies of other jobs', async (_what, data, left) => {
  const odd = await portal.add(FAILING);
  const other = await portal.add(FAILING);
  await Promise.all([portal.reached(odd, 'failed'), portal.reached(other, 'failed')]);
  const key = portal.queue.toKey(odd.id ?? '');
  await host.redis.hset(key, 'data', data);
  expect(await deleteDue(Date.now())).toBe(2);
  expect(await host.redis.hget(key, 'data')).toMatch(left);
  expect(await dataOf(other)).toEqual({ ...FAILING, image: null });
});

test('a job that failed a month ago is removed', async () => {
  const [old, recent] = [await portal.add(FAILING), await portal.add(FAILING)];
  await Promise.all([portal.reached(old, 'failed'), portal.reached(recent, 'failed')]);
  await host.redis.zadd(portal.queue.toKey('failed'), Date.now() - 31 * DAY_MS, old.id ?? '');
  await portal.reached(await portal.add(FAILING), 'failed');
  expect(await portal.queue.getJobState(old.id ?? '')).toBe('unknown');
  expect(await portal.queue.getJobState(recent.id ?? '')).toBe('failed');
});

test('after the retention time, the selfie is deleted, and a retry asks for a new one', async () => {
  const job = await portal.add(FAILING);
  await portal.reached(job, 'failed');
  expect(await deleteDue(Date.now())).toBe(1);
  expect(await dataOf(job)).toEqual({ ...FAILING, image: null });
  await job.retry('failed');
  await vi.waitFor(async () => {
    const retried = await Job.fromId(portal.queue, job.id ?? '');
    expect(retried?.failedReason).toMatch(/^INVALID_JOB: .*deleted.*upload it again/);
  }, PATIENCE);
});

test('the selfie of a job that a supervisor failed while no worker ran is deleted too', async () => {
  await host.worker.drain(0);
  const job = await portal.add({ image: SELFIE, images: [SELFIE], gallery: [] });
  await host.redis.lrem(portal.queue.toKey('wait'), 0, job.id ?? '');
  await host.redis.zadd(portal.queue.toKey('failed'), Date.now() - DAY_MS, job.id ?? '');
  const { logger } = recordLog();
  const sweep = startSelfieSweep(portal.queue, host.redis, DAY_MS / 2, logger);
  await host.redis.del(`worker:selfie-sweep:bull:${portal.queue.name}`);
  const again = startSelfieSweep(portal.queue, host.redis, DAY_MS / 2, logger);
  await vi.waitFor(
    async () => expect(await dataOf(job)).toEqual({ image: null, images: null, gallery: [] }),
    PATIENCE,
  );
  await Promise.all([sweep.stop(), again.stop()]);
});

test('the sweep reads a job once, and a job that was retried meanwhile keeps its selfie', async () => {
  const jobs = [await portal.add(FAILING), await portal.add(FAILING)];
  for (const job of jobs) await portal.reached(job, 'failed');
  const read = vi.spyOn(host.redis, 'hget');
  read.mockImplementationOnce(async () => {
    await host.redis.zrem(portal.queue.toKey('failed'), jobs[0]?.id ?? '');
    return JSON.stringify(FAILING);
  });
  expect(await deleteDue(Date.now())).toBe(1);
  expect(await dataOf(jobs[0] as Job)).toEqual(FAILING);
  read.mockClear();
  expect(await deleteDue(Date.now())).toBe(0);
  expect(read).not.toHaveBeenCalled();
  read.mockRestore();
});

test('a worker does not stop before the selfie of a completed job is deleted', async () => {
  const job = await portal.add({ ...PLAIN_JOB, uid: 's1' });
  await portal.reached(job, 'completed');
  await host.worker.drain(1000);
  expect(await dataOf(job)).toEqual({ ...PLAIN_JOB, uid: 's1', image: null });
});

test('the selfie of a completed job whose worker was killed is deleted later', async () => {
  const job = await portal.add({ ...PLAIN_JOB, uid: 's1' });
  await portal.reached(job, 'completed');
  await host.worker.drain(1000);
  const key = portal.queue.toKey(job.id ?? '');
  await host.redis.hset(key, 'data', JSON.stringify({ ...PLAIN_JOB, uid: 's1' }));
  expect(await deleteDue(Date.now(), 'completed')).toBe(0);
  await host.redis.hdel(key, 'selfieDeleted');
  expect(await deleteDue(Date.now(), 'completed')).toBe(1);
  expect(await dataOf(job)).toEqual({ ...PLAIN_JOB, uid: 's1', image: null });
});
