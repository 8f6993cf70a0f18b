import { QueueEvents } from 'bullmq';

/**
 * What happened to every job, from the queue's own event stream.
 *
 * @typedef {{ starts: number, completions: number, failures: string[], works: number, stalls: number,
 *   addedAt: number | null, returnedAt: number | null, endedAt: number | null }} JobEntry
 *   `works`: how often its work was seen to begin, which is after the job was fetched; `stalls`: how often BullMQ's
 *   stall check returned it to the queue; times of the last such event by Redis' clock (ms since 1970)
 */

/** @param {{ queueName: string, connection: import('ioredis').Redis }} options */
export async function openLedger({ queueName, connection }) {
  // Read from the beginning, because later events could be missed while Redis is down.
  const events = new QueueEvents(queueName, { connection, lastEventId: '0-0' });
  await events.waitUntilReady();
  /** @type {Map<string, JobEntry>} */
  const jobs = new Map();
  /** @type {Set<() => void>} */
  const watchers = new Set();

  const entry = (/** @type {string} */ id) => {
    let job = jobs.get(id);
    if (job === undefined) {
      job = {
        starts: 0,
        completions: 0,
        failures: [],
        works: 0,
        stalls: 0,
        addedAt: null,
        returnedAt: null,
        endedAt: null,
      };
      jobs.set(id, job);
    }
    return job;
  };
  const changed = () => {
    for (const watcher of watchers) watcher();
  };

  events.on('added', ({ jobId }, eventId) => {
    entry(jobId).addedAt = timeOf(eventId);
  });
  events.on('active', ({ jobId }) => {
    entry(jobId).starts += 1;
    changed();
  });
  events.on('completed', ({ jobId }, eventId) => {
    const job = entry(jobId);
    job.completions += 1;
    job.endedAt = timeOf(eventId);
    changed();
  });
  events.on('failed', ({ jobId, failedReason }, eventId) => {
    const job = entry(jobId);
    job.failures.push(failedReason);
    job.endedAt = timeOf(eventId);
    changed();
  });
  events.on('progress', ({ jobId }) => {
    const job = entry(jobId);
    job.works = job.starts;
    changed();
  });
  events.on('stalled', ({ jobId }) => {
    entry(jobId).stalls += 1;
  });
  events.on('waiting', ({ jobId, prev }, eventId) => {
    if (prev === 'active') entry(jobId).returnedAt = timeOf(eventId);
    changed();
  });
  // The connection reports its own errors. Reading continues at the same position of the stream.
  events.on('error', () => undefined);

  const count = (/** @type {(job: JobEntry) => number} */ of) =>
    [...jobs.values()].reduce((sum, job) => sum + of(job), 0);

  return {
    jobs,
    entry,
    starts: () => count((job) => job.starts),
    completions: () => count((job) => job.completions),
    stalls: () => count((job) => job.stalls),
    /**
     * Resolves once `condition` is true.
     *
     * @param {() => boolean} condition
     * @param {string} what for the error message
     * @param {number} timeoutMs
     * @returns {Promise<void>}
     */
    until: (condition, what, timeoutMs = 120_000) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          watchers.delete(check);
          reject(new Error(`Timed out after ${timeoutMs / 1000} s: ${what}`));
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

/** The id of an entry in a stream starts with the time (ms since 1970) at which Redis wrote it. @param {string} eventId */
function timeOf(eventId) {
  return Number(eventId.split('-', 1)[0]);
}
