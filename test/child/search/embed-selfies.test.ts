import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type RedisServer, startRedisServer } from '../../../scripts/support/redis-server.mjs';
import { parseEmbedAnswer } from '../../../src/shared/embed-job.js';
import { embeddingFromText } from '../../../src/shared/embedding-text.js';
import { createQueueHarness, type QueueHarness } from '../../support/queue-harness.js';
import { createScriptedEngine } from '../../support/scripted-engine.js';
import { SELFIE, startWorker, type WorkerHarness } from '../../support/worker-harness.js';

const KEY = 'worker:embed:some-id';
const DATA = { embed: 'some-id', pack: 'scripted', uid: 'command-line', stage: '' };

let server: RedisServer;
let portal: QueueHarness;
let hosts: WorkerHarness[];

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  portal = await createQueueHarness(server);
  hosts = [];
});
afterEach(async () => {
  await Promise.all(hosts.map((host) => host.stop()));
  await portal.close();
});

async function startHost(pack = 'scripted'): Promise<WorkerHarness> {
  const host = await startWorker(portal.config, createScriptedEngine({ pack }));
  hosts.push(host);
  host.worker.resume();
  return host;
}

test('the embedding replaces the selfies, expires with them, and is nowhere else', async () => {
  const { redis } = await startHost();
  await redis.set(KEY, JSON.stringify({ selfies: [SELFIE] }), 'EX', 100);
  const job = await portal.add(DATA);
  await portal.reached(job, 'completed');
  const answer = parseEmbedAnswer(await redis.get(KEY));
  expect(embeddingFromText(answer?.embedding ?? '')).toEqual(Float32Array.of(1, 0));
  expect(await redis.ttl(KEY)).toBeGreaterThan(50);
  const [events, data] = await Promise.all([
    redis.xrange(portal.queue.toKey('events'), '-', '+'),
    redis.hgetall(portal.queue.toKey(job.id ?? '')),
  ]);
  expect(JSON.stringify([events, data])).not.toContain(answer?.embedding);
  expect(data).toMatchObject({ returnvalue: '[]', data: JSON.stringify(DATA) });
});

test('a selfie without a face fails the job with its reason', async () => {
  const { redis } = await startHost();
  await redis.set(KEY, JSON.stringify({ selfies: ['empty'] }), 'EX', 100);
  const job = await portal.add(DATA);
  await portal.reached(job, 'failed');
  expect(await redis.hget(portal.queue.toKey(job.id ?? ''), 'failedReason')).toMatch(/^NO_FACE_DETECTED: /);
});

test('a job whose selfies have expired leaves no embedding', async () => {
  const { redis } = await startHost();
  await redis.del(KEY);
  const job = await portal.add(DATA);
  await portal.reached(job, 'failed');
  expect(await redis.exists(KEY)).toBe(0);
});

test('a job whose selfies have expired does not wait for a worker of its pack', async () => {
  const { redis } = await startHost('other');
  await redis.del(KEY);
  const job = await portal.add(DATA);
  await portal.reached(job, 'failed');
});

test('only a worker of the wanted model pack answers', async () => {
  const { redis } = await startHost('other');
  await redis.set(KEY, JSON.stringify({ selfies: [SELFIE] }), 'EX', 100);
  const job = await portal.add(DATA);
  await portal.reached(job, 'active');
  await startHost();
  await portal.reached(job, 'completed');
  expect(parseEmbedAnswer(await redis.get(KEY))).not.toBeNull();
});
