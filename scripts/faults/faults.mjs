import { setTimeout as sleep } from 'node:timers/promises';
import { loseChild } from './lose-child.mjs';
import { MACHINE_FAULTS } from './machine-faults.mjs';
import { OUTPUT_FAULTS } from './output-faults.mjs';
import { REDIS_FAULTS } from './redis-faults.mjs';
import { isReady, nextStart } from './scene.mjs';

/** @typedef {import('./scene.mjs').Scene} Scene */

const QUIET_MS = 1500;

/** @type {Readonly<Record<string, import('./scene.mjs').Fault>>} */
export const FAULTS = {
  'SIGKILL a child': (scene) => loseChild(scene, 'SIGKILL'),
  'SIGSTOP a child': (scene) => loseChild(scene, 'SIGSTOP'),
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
    const { testbed, ledger } = scene;
    await testbed.stopSupervisor('SIGKILL');
    const from = testbed.lines.length;
    const at = Date.now();
    testbed.startSupervisor();
    const start = nextStart(ledger);
    const { at: firstAt } = await testbed.line(isReady, from);
    const startedMs = await start;
    await testbed.until(
      () => testbed.lines.slice(from).filter(isReady).length >= testbed.gpus,
      'all workers are ready',
    );
    return {
      'a worker is ready': firstAt - at,
      'next job starts': startedMs,
      'all are ready': Date.now() - at,
    };
  },
  ...REDIS_FAULTS,
  ...MACHINE_FAULTS,
  ...OUTPUT_FAULTS,
};

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
