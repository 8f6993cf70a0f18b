import { setTimeout as sleep } from 'node:timers/promises';
import { loseChild } from './lose-child.mjs';
import { allRecords, isReady, liveChildren, moreResults, nextStart } from './scene.mjs';
import { HOSTNAME } from './testbed.mjs';

/** @typedef {import('./scene.mjs').Scene} Scene */

/** The heartbeat is every second. The machine may be busy. */
const HEARTBEAT_PATIENCE_S = 10;
const HANG_MS = 3000;
const HOUR_MS = 3_600_000;

/** Faults that hang a folder. */
export const NEED_HANGING_FOLDERS = [
  'nvidia-smi hangs',
  'the gallery mount hangs',
  'a child cannot be killed',
];

/** @type {Readonly<Record<string, import('./scene.mjs').Fault>>} */
export const MACHINE_FAULTS = {
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
  'nvidia-smi hangs': async (scene) => {
    const { testbed, ledger } = scene;
    const from = testbed.lines.length;
    const at = Date.now();
    testbed.driver?.hang();
    const noticed = await testbed.line(
      ({ msg }) => msg.startsWith('The figures of the GPUs are unknown'),
      from,
    );
    await sleep(HANG_MS);
    const recovery = await loseChild(scene, 'SIGKILL');
    await heartbeatGoesOn(scene);
    await moreResults(ledger, testbed.gpus);
    const hung = await testbed.countNvidiaSmi();
    if (hung > 1) throw new Error(`${hung} processes of nvidia-smi hang`);
    const backAt = Date.now();
    testbed.driver?.resume();
    const back = await testbed.line(({ msg }) => msg.startsWith('The figures of the GPUs are known'), from);
    return { 'it is noticed': noticed.at - at, ...recovery, 'the figures are back': back.at - backAt };
  },
  'the gallery mount hangs': async (scene) => {
    const { testbed, ledger } = scene;
    testbed.gallery?.hang();
    const stalledMs = await allRecords(
      scene,
      ({ status }) => status === 'stalled',
      'all workers are stalled',
    );
    await heartbeatGoesOn(scene);
    const starts = ledger.starts();
    await sleep(HANG_MS);
    if (ledger.starts() > starts) throw new Error('A worker without its gallery has started a job');
    testbed.gallery?.resume();
    return { 'all are stalled': stalledMs, 'next job starts': await nextStart(ledger) };
  },
  'a child cannot be killed': async (scene) => {
    const { testbed, ledger } = scene;
    testbed.gallery?.hang();
    await allRecords(scene, ({ status }) => status === 'stalled', 'all workers are stalled');
    const [victim] = liveChildren(testbed.lines);
    if (victim === undefined) throw new Error('No child is alive');
    const from = testbed.lines.length;
    // The gallery thread sleeps in the kernel, so the process stays.
    process.kill(victim.pid, 'SIGKILL');
    await sleep(HANG_MS);
    await heartbeatGoesOn(scene);
    const at = Date.now();
    testbed.gallery?.resume();
    const ready = await testbed.line((line) => line.worker === victim.id && isReady(line), from);
    return { 'next job starts': await nextStart(ledger), 'its successor is ready': ready.at - at };
  },
  'clocks are wrong': async (scene) => {
    const { testbed, ledger } = scene;
    await testbed.shiftClocks({ supervisor: HOUR_MS, children: [-HOUR_MS, HOUR_MS] });
    await sleep(HANG_MS);
    // A new child starts with the wrong time.
    const from = testbed.lines.length;
    const [victim] = liveChildren(testbed.lines);
    if (victim === undefined) throw new Error('No child is alive');
    process.kill(victim.pid, 'SIGKILL');
    await testbed.line((line) => line.worker === victim.id && isReady(line), from);
    await heartbeatGoesOn(scene);
    await moreResults(ledger, 4 * testbed.gpus);
    await testbed.shiftClocks({ supervisor: 0, children: [0, 0] });
    const recordsMs = await heartbeatGoesOn(scene);
    await moreResults(ledger, 4 * testbed.gpus);
    return { 'records are right': recordsMs, 'next job starts': await nextStart(ledger) };
  },
};

/** All records get a new time of Redis soon. @param {Scene} scene */
async function heartbeatGoesOn(scene) {
  const [text] = await scene.redis.time();
  const seconds = Number(text);
  const ms = await allRecords(
    scene,
    ({ reported_at }) => reported_at > seconds && reported_at <= seconds + HEARTBEAT_PATIENCE_S,
    'the heartbeat goes on',
  );
  return ms;
}
