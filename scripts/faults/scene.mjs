import { HOSTNAME } from './testbed.mjs';

/**
 * A fault injects itself, waits until the fleet has recovered, and returns how long each part of the recovery took (ms).
 *
 * @typedef {{ testbed: import('./testbed.mjs').Testbed, ledger: Awaited<ReturnType<typeof import('./ledger.mjs').openLedger>>,
 *   redis: import('ioredis').Redis, queue: import('bullmq').Queue, load: Awaited<ReturnType<typeof import('./load.mjs').createLoad>>,
 *   random: () => number }} Scene
 * @typedef {Record<string, number>} Recovery
 * @typedef {(scene: Scene) => Promise<Recovery>} Fault
 * @typedef {import('../../src/shared/worker-record.js').WorkerRecord} WorkerRecord
 */

const POLL_MS = 100;
const PATIENCE_MS = 60_000;

/** @param {import('./testbed.mjs').LogLine} line */
export function isReady({ msg }) {
  return msg === 'Worker is ready';
}

/** Time (ms) until a job starts. @param {Scene['ledger']} ledger */
export async function nextStart(ledger) {
  const at = Date.now();
  const starts = ledger.starts();
  await ledger.until(() => ledger.starts() > starts, 'a job starts');
  return Date.now() - at;
}

/**
 * Resolves once `count` more jobs have a result.
 *
 * @param {Scene['ledger']} ledger
 * @param {number} count
 */
export async function moreResults(ledger, count) {
  const before = ledger.completions();
  await ledger.until(() => ledger.completions() >= before + count, `${count} jobs complete`);
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
    else if (/^(The c|C)hild /.test(msg) && children.get(worker)?.pid === pid) children.delete(worker);
  }
  return [...children.values()];
}

/** @param {Pick<Scene, 'redis'>} scene @returns {Promise<WorkerRecord[]>} */
export async function readWorkers({ redis }) {
  const records = Object.values(await redis.hgetall('workers')).map((text) => JSON.parse(text));
  return records.filter(({ hostname }) => hostname === HOSTNAME);
}

/**
 * Time (ms) until all records satisfy the condition.
 *
 * @param {Scene} scene
 * @param {(record: WorkerRecord) => boolean} accept
 * @param {string} what for the error message
 */
export async function allRecords(scene, accept, what) {
  const at = performance.now();
  for (;;) {
    const records = await readWorkers(scene);
    if (records.length === scene.testbed.gpus && records.every(accept)) return performance.now() - at;
    if (performance.now() - at > PATIENCE_MS)
      throw new Error(`Timed out: ${what}; records: ${JSON.stringify(records)}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
