import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as PortalQueue } from 'bullmq-portal';
import { freePort } from '../support/redis-server.mjs';
import { loseChild } from './lose-child.mjs';
import { allRecords, moreResults, nextStart } from './scene.mjs';

/** @typedef {import('./scene.mjs').Scene} Scene */

const CUT_MS = 1500;
const REDIS_DOWN_MS = 1000;
const REDIS_FROZEN_MS = 3000;
const REFUSING_MS = 4000;

/** @type {Readonly<Record<string, import('./scene.mjs').Fault>>} */
export const REDIS_FAULTS = {
  'restart Redis': (scene) => loseRedis(scene, 'SIGTERM'),
  'SIGKILL Redis': (scene) => loseRedis(scene, 'SIGKILL'),
  'freeze Redis': async ({ testbed, ledger }) => {
    testbed.redis.signal('SIGSTOP');
    await sleep(REDIS_FROZEN_MS);
    testbed.redis.signal('SIGCONT');
    return { 'next job starts': await nextStart(ledger) };
  },
  'cut the connections': async ({ testbed, ledger }) => {
    testbed.proxy.cut();
    await sleep(CUT_MS);
    testbed.proxy.restore();
    return { 'next job starts': await nextStart(ledger) };
  },
  'full Redis': (scene) =>
    whileRefusing(
      scene,
      () => scene.redis.config('SET', 'maxmemory', '1mb'),
      () => scene.redis.config('SET', 'maxmemory', '0'),
    ),
  'Redis becomes a replica': async (scene) => {
    // Without its primary, it keeps its data and refuses writes.
    const port = await freePort();
    return whileRefusing(
      scene,
      () => scene.redis.replicaof('127.0.0.1', port),
      () => scene.redis.replicaof('NO', 'ONE'),
    );
  },
  // The existing portal has an older BullMQ, whose resume() replaces the list of waiting jobs.
  'pause and resume the queue with BullMQ 5.63': async (scene) => {
    const { ledger, queue, redis } = scene;
    const { host, port } = redis.options;
    const portal = new PortalQueue(queue.name, {
      connection: { host: host ?? '127.0.0.1', port: port ?? 6379 },
    });
    await portal.pause();
    // The jobs of the killed child return while the queue is paused.
    const recovery = await loseChild(scene, 'SIGKILL');
    await portal.pause();
    const starts = nextStart(ledger);
    await portal.resume();
    await portal.close();
    return { ...recovery, 'next job starts': await starts };
  },
  'another program pauses the workers': async (scene) => {
    const { testbed, ledger, redis } = scene;
    const keys = testbed.workerIds.map((id) => `worker:${id}:paused`);
    await redis.mset(keys.flatMap((key) => [key, '1']));
    const pausedMs = await allRecords(scene, ({ status }) => status === 'paused', 'all workers are paused');
    // A child that starts while its worker is paused takes no job either.
    const recovery = await loseChild(scene, 'SIGKILL');
    const startsBefore = ledger.starts();
    await sleep(REDIS_DOWN_MS);
    if (ledger.starts() > startsBefore) throw new Error('A paused worker has started a job');
    await redis.del(keys);
    return { 'all are paused': pausedMs, ...recovery, 'next job starts': await nextStart(ledger) };
  },
};

/**
 * Redis answers, but refuses all writes for a while.
 *
 * @param {Scene} scene
 * @param {() => Promise<unknown>} begin
 * @param {() => Promise<unknown>} end
 * @returns {Promise<import('./scene.mjs').Recovery>}
 */
async function whileRefusing(scene, begin, end) {
  const { testbed, ledger } = scene;
  const from = testbed.lines.length;
  await begin();
  await sleep(REFUSING_MS);
  const lines = testbed.lines.length - from;
  await end();
  const at = performance.now();
  const [seconds] = await scene.redis.time();
  const starts = await nextStart(ledger);
  await allRecords(
    scene,
    ({ status, reported_at }) => status === 'online' && reported_at > Number(seconds),
    'all workers are online',
  );
  const onlineMs = performance.now() - at;
  await moreResults(ledger, 2 * testbed.gpus);
  // Each of the children and the supervisor may say it once per kind of refusal, and the jobs at hand say how they ended.
  const most = 20 * (testbed.gpus + 1);
  if (lines > most) throw new Error(`${lines} log lines while Redis refused writes`);
  return { 'next job starts': starts, 'all are online': onlineMs };
}

/**
 * @param {Scene} scene
 * @param {'SIGTERM' | 'SIGKILL'} signal
 * @returns {Promise<import('./scene.mjs').Recovery>}
 */
async function loseRedis({ testbed, ledger }, signal) {
  await testbed.redis.halt(signal);
  await sleep(REDIS_DOWN_MS);
  await testbed.redis.start();
  return { 'next job starts': await nextStart(ledger) };
}
