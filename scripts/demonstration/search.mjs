import { readFile } from 'node:fs/promises';
import { Queue, QueueEvents } from 'bullmq';
import { unlessAborted } from './private-process.mjs';

/** @typedef {import('../../dist/shared/job.js').SearchMatch} SearchMatch */

const QUEUE_NAME = 'face-search';
const SEARCH_TIMEOUT_MS = 600_000;
const BAR_WIDTH = 40;

/**
 * Adds one job as the portal does, and waits for its result.
 *
 * @param {import('./material.mjs').Material} material
 * @param {number} port of Redis
 * @param {AbortSignal} signal
 * @returns {Promise<{ matches: SearchMatch[], durationMs: number, log: string[] }>}
 * @throws {Error} if the job failed
 */
export async function search(material, port, signal) {
  // The demo's own Redis does not come back once it has stopped.
  const connection = { host: '127.0.0.1', port, retryStrategy: () => null };
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(SEARCH_TIMEOUT_MS)]);
  const queue = new Queue(QUEUE_NAME, { connection });
  const events = new QueueEvents(QUEUE_NAME, { connection });
  try {
    const image = (await readFile(material.selfie)).toString('base64');
    const data = { image, uid: 'demo', stage: material.stage, timestamp: new Date().toISOString() };
    await unlessAborted(events.waitUntilReady(), inTime);

    const begin = performance.now();
    const job = await unlessAborted(queue.add('search', data), inTime);
    const showProgress = createProgress(process.stdout);
    events.on('progress', (event) => {
      if (event.jobId === job.id) showProgress(Number(event.data));
    });
    const matches = await unlessAborted(job.waitUntilFinished(events), inTime);
    const durationMs = performance.now() - begin;
    const { logs } = await unlessAborted(queue.getJobLogs(job.id ?? ''), inTime);
    return { matches, durationMs, log: logs };
  } finally {
    await events.close();
    await queue.close();
  }
}

/**
 * A progress bar on a terminal; elsewhere one line for every 10 %.
 *
 * @param {NodeJS.WriteStream} output
 * @returns {(percent: number) => void}
 */
function createProgress(output) {
  let lastTenth = -1;
  return (percent) => {
    const done = Math.round((percent / 100) * BAR_WIDTH);
    const tenth = Math.floor(percent / 10);
    if (output.isTTY) {
      const end = percent === 100 ? '\n' : '';
      output.write(
        `\rSearching [${'='.repeat(done)}${' '.repeat(BAR_WIDTH - done)}] ${Math.round(percent)} %${end}`,
      );
    } else if (tenth > lastTenth) {
      console.log(`Searching: ${Math.round(percent)} %`);
    }
    lastTenth = tenth;
  };
}
