import { setTimeout as sleep } from 'node:timers/promises';
import { Queue as PortalQueue } from 'bullmq-portal';
import { HOSTNAME } from './testbed.mjs';

const CUT_MS = 1500;
const REDIS_DOWN_MS = 1000;
const REDIS_FROZEN_MS = 3000;
const QUIET_MS = 1500;

/**
 * A fault injects itself, waits until the fleet has recovered, and returns how long each part of the recovery took (ms).
 *
 * @typedef {{ testbed: import('./testbed.mjs').Testbed, ledger: Awaited<ReturnType<typeof import('./ledger.mjs').openLedger>>,
 *   redis: import('ioredis').Redis, queue: import('bullmq').Queue, load: Awaited<ReturnType<typeof import('./load.mjs').createLoad>>,
 *   random: () => number }} Scene
 * @typedef {Record<string, number>} Recovery
 * @typedef {(scene: Scene) => Promise<Recovery>} Fault
 */

/** @type {Readonly<Record<string, Fault>>} */
export const FAULTS = {
  'SIGKILL a child': (scene) => loseChild(scene, 'SIGKILL'),
  'SIGSTOP a child': (scene) => loseChild(scene, 'SIGSTOP'),
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
  'rolling restart': async ({ testbed }) => {
    const from = testbed.lines.length;
    const at = Date.now();
    testbed.signal('SIGHUP');
    await testbed.line(({ msg }) => msg.startsWith('Rolling restart'), from);
    await testbed.line(({ msg }) => msg === 'Rolling restart done', from);
    return { 'all children replaced': Date.now() - at };
  },
  'quiet and resume': async ({ testbed, ledger }) => {
    testbed.signal('SIGTSTP');
    await sleep(QUIET_MS);
    testbed.signal('SIGCONT');
    return { 'next job starts': await nextStart(ledger) };
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
  'a GPU falls off the bus': async ({ testbed }) => {
    const worker = `${HOSTNAME}_gpu${testbed.gpus - 1}`;
    const from = testbed.lines.length;
    const at = Date.now();
    await testbed.showGpus(testbed.gpus - 1);
    const lost = await testbed.line(
      (line) => line.worker === worker && line.msg.startsWith('The GPU has vanished'),
      from,
    );
    await testbed.line((line) => line.worker === worker && line.to === 'lost', from);
    const backAt = Date.now();
    await testbed.showGpus(testbed.gpus);
    const ready = await testbed.line((line) => line.worker === worker && isReady(line), from);
    return { 'it is noticed': lost.at - at, 'its worker is back': ready.at - backAt };
  },
  'poisonous job': async (scene) => {
    const { testbed, ledger, load } = scene;
    const id = `poison-${Date.now()}`;
    await load.addPoison(id);
    const job = ledger.entry(id);
    const at = Date.now();
    for (let killed = 0; job.failures.length === 0; killed = job.starts) {
      // A job that still waits in a child does no harm yet.
      await ledger.until(() => job.works > killed || job.failures.length > 0, `${id} works or fails`);
      if (job.failures.length > 0) break;
      const from = testbed.lines.length;
      process.kill(await pidOfJob(scene, id), 'SIGKILL');
      await testbed.line(({ msg }) => msg.startsWith('The child was killed by SIGKILL'), from);
    }
    return { 'it is failed': (job.endedAt ?? NaN) - at };
  },
  'SIGKILL the supervisor': async (scene) => {
    const { testbed } = scene;
    await testbed.stopSupervisor('SIGKILL');
    const from = testbed.lines.length;
    const at = Date.now();
    testbed.startSupervisor();
    const { at: firstAt } = await testbed.line(isReady, from);
    const workers = new Set(testbed.lines.filter(isReady).map(({ worker }) => worker)).size;
    await testbed.until(
      () => testbed.lines.slice(from).filter(isReady).length >= workers,
      'all workers are ready',
    );
    return { 'a worker is ready': firstAt - at, 'all are ready': Date.now() - at };
  },
};

/**
 * @param {Scene} scene
 * @param {NodeJS.Signals} signal
 * @returns {Promise<Recovery>}
 */
async function loseChild(scene, signal) {
  const { testbed, ledger, random } = scene;
  const children = liveChildren(testbed.lines);
  const victim = children[Math.floor(random() * children.length)];
  if (victim === undefined) throw new Error('No child is alive');
  const from = testbed.lines.length;
  const at = Date.now();
  process.kill(victim.pid, signal);
  const death = await testbed.line(
    (line) =>
      line.worker === victim.id &&
      line.childPid === victim.pid &&
      line.msg.startsWith('The child was killed'),
    from,
  );
  const diedAt = signal === 'SIGKILL' ? at : death.at;
  const ready = await testbed.line((line) => line.worker === victim.id && isReady(line), from);
  const returned = [...ledger.jobs.values()].flatMap(({ returnedAt }) =>
    returnedAt !== null && returnedAt >= diedAt ? [returnedAt - diedAt] : [],
  );
  return {
    ...(signal === 'SIGSTOP' && { 'it is noticed': death.at - at }),
    'a new child is ready': ready.at - diedAt,
    ...(returned.length > 0 && { 'its jobs are back': Math.max(...returned) }),
  };
}

/**
 * @param {Scene} scene
 * @param {'SIGTERM' | 'SIGKILL'} signal
 * @returns {Promise<Recovery>}
 */
async function loseRedis({ testbed, ledger }, signal) {
  await testbed.redis.halt(signal);
  await sleep(REDIS_DOWN_MS);
  await testbed.redis.start();
  return { 'next job starts': await nextStart(ledger) };
}

/** @param {import('./testbed.mjs').LogLine} line */
function isReady({ msg }) {
  return msg === 'Worker is ready';
}

/** @param {Scene['ledger']} ledger */
async function nextStart(ledger) {
  const at = Date.now();
  const starts = ledger.starts();
  await ledger.until(() => ledger.starts() > starts, 'a job starts');
  return Date.now() - at;
}

/**
 * The process that runs a job. BullMQ knows the worker, and the log names the worker's latest child.
 *
 * @param {Scene} scene
 * @param {string} jobId
 */
async function pidOfJob({ redis, queue, testbed }, jobId) {
  const worker = await redis.hget(queue.toKey(jobId), 'pb');
  const ready = testbed.lines.findLast((line) => line.worker === worker && isReady(line));
  if (ready?.childPid === undefined) throw new Error(`No worker runs ${jobId}`);
  return ready.childPid;
}

/**
 * The children that are ready and have not exited, according to the supervisor's log.
 *
 * @param {readonly import('./testbed.mjs').LogLine[]} lines
 */
export function liveChildren(lines) {
  /** @type {Map<string, { id: string, pid: number }>} */
  const children = new Map();
  for (const line of lines) {
    const { msg, worker, childPid: pid } = line;
    if (worker === undefined || pid === undefined) continue;
    if (isReady(line)) children.set(worker, { id: worker, pid });
    else if (msg.startsWith('The child ') && children.get(worker)?.pid === pid) children.delete(worker);
  }
  return [...children.values()];
}

/** @param {Pick<Scene, 'redis'>} scene */
export async function readWorkers({ redis }) {
  const records = Object.values(await redis.hgetall('workers')).map((text) => JSON.parse(text));
  return records.filter(({ hostname }) => hostname === HOSTNAME);
}
