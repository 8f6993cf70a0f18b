import { setTimeout as sleep } from 'node:timers/promises';
import { supervisorLeaseKey } from '../../dist/shared/redis-keys.js';
import { isStillRunning } from './processes.mjs';
import { allRecords, isReady, moreResults, readWorkers } from './scene.mjs';
import { HOSTNAME } from './testbed.mjs';

/** @typedef {import('./scene.mjs').Scene} Scene */

const STOP_PATIENCE_MS = 40_000;

/** @type {Readonly<Record<string, import('./scene.mjs').Fault>>} */
export const OUTPUT_FAULTS = {
  'full log disk': (scene) => withOutput(scene, 'full disk', async () => undefined),
  'closed terminal': (scene) => withOutput(scene, 'terminal', () => scene.testbed.closeTerminal()),
};

/**
 * A supervisor whose output goes elsewhere takes over, works, and stops like any other.
 *
 * @param {Scene} scene
 * @param {'full disk' | 'terminal'} output
 * @param {() => Promise<void>} breakOutput once its workers are online
 * @returns {Promise<import('./scene.mjs').Recovery>}
 */
async function withOutput(scene, output, breakOutput) {
  const { testbed, ledger } = scene;
  await testbed.stopSupervisor('SIGTERM');
  testbed.startSupervisor(output);
  const onlineMs = await allRecords(scene, ({ status }) => status === 'online', 'all workers are online');
  await breakOutput();
  await moreResults(ledger, 8 * testbed.gpus);
  await allRecords(scene, ({ status }) => status === 'online', 'all workers are online');
  const children = (await readWorkers(scene)).flatMap(({ pid }) => pid ?? []);
  const pid = await leaseHolder(scene);
  const stoppedAt = performance.now();
  process.kill(pid, 'SIGTERM');
  await untilGone([pid, ...children]);
  const stopMs = performance.now() - stoppedAt;
  const from = testbed.lines.length;
  testbed.startSupervisor();
  await testbed.until(
    () => testbed.lines.slice(from).filter(isReady).length >= testbed.gpus,
    'all workers are ready',
  );
  return { 'all are online': onlineMs, 'it stops': stopMs };
}

/** @param {readonly number[]} pids */
async function untilGone(pids) {
  const at = performance.now();
  for (;;) {
    const running = await Promise.all(pids.map(isStillRunning));
    if (!running.includes(true)) return;
    if (performance.now() - at > STOP_PATIENCE_MS)
      throw new Error(`Still running after SIGTERM: ${pids.filter((_, i) => running[i]).join(', ')}`);
    await sleep(50);
  }
}

/** The process that holds the machine's lease. @param {Scene} scene */
async function leaseHolder({ redis }) {
  const lease = await redis.get(supervisorLeaseKey(HOSTNAME));
  return Number(JSON.parse(lease ?? '{}').pid);
}
