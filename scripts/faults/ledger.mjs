import { QueueEvents } from 'bullmq';

/**
 * What happened to every job, from the queue's own event stream.
 *
 * @typedef {{ starts: number, completions: number, failures: string[], returnedAt: number | null, works: number }} JobEntry
 *   `works`: how often it was seen to have begun its work, which is after it was fetched
 */

/** @param {{ queueName: string, connection: import('ioredis').Redis }} options */
export async function openLedger({ queueName, connection }) {
  const events = new QueueEvents(queueName, { connection });
  await events.waitUntilReady();
  /** @type {Map<string, JobEntry>} */
  const jobs = new Map();
  /** @type {Set<() => void>} */
  const watchers = new Set();

  const entry = (/** @type {string} */ id) => {
    let job = jobs.get(id);
    if (job === undefined)
      jobs.set(id, (job = { starts: 0, completions: 0, failures: [], returnedAt: null, works: 0 }));
    return job;
  };
  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  events.on('active', ({ jobId }) => {
    entry(jobId).starts += 1;
    changed();
  });
  events.on('completed', ({ jobId }) => {
    entry(jobId).completions += 1;
    changed();
  });
  events.on('failed', ({ jobId, failedReason }) => {
    entry(jobId).failures.push(failedReason);
    changed();
  });
  events.on('progress', ({ jobId }) => {
    const job = entry(jobId);
    job.works = job.starts;
    changed();
  });
  events.on('waiting', ({ jobId, prev }) => {
    if (prev === 'active') entry(jobId).returnedAt = performance.now();
    changed();
  });
  // The connection itself reports errors where there are any; the stream is read on from where it was.
  events.on('error', () => undefined);

  const count = (/** @type {(job: JobEntry) => number} */ of) =>
    [...jobs.values()].reduce((sum, job) => sum + of(job), 0);

  return {
    jobs,
    entry,
    starts: () => count((job) => job.starts),
    completions: () => count((job) => job.completions),
    ended: () => count((job) => (job.completions + job.failures.length > 0 ? 1 : 0)),
    /**
     * Resolves once `condition` is true.
     *
     * @param {() => boolean} condition
     * @param {string} what for the error
     * @param {number} timeoutMs
     * @returns {Promise<void>}
     */
    until: (condition, what, timeoutMs = 120_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(check);
          reject(new Error(`Waited ${timeoutMs / 1000} s in vain: ${what}`));
        }, timeoutMs);
        const check = () => {
          if (!condition()) return;
          clearTimeout(timer);
          watchers.delete(check);
          resolve();
        };
        watchers.add(check);
        check();
      }),
    close: () => events.close(),
  };
}
