import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { chooseMaterial } from './material.mjs';
import { formatMatches, formatWorker } from './report.mjs';
import { search } from './search.mjs';
import { readBusyWorkers, startRedis, startWorker } from './servers.mjs';

/**
 * Runs one search from start to end. Always stops everything that it started, in reverse order.
 *
 * @param {import('./options.mjs').Images | null} images
 * @param {{ project: string, keep?: boolean, signal: AbortSignal }} surroundings `keep`: leaves all running until
 *   the signal aborts
 */
export async function demonstrate(images, { project, keep = false, signal }) {
  /** @type {(() => Promise<void>)[]} */
  const closers = [];
  try {
    const directory = await mkdtemp(path.join(tmpdir(), 'face-search-demo-'));
    closers.push(async () => rm(directory, { recursive: true, force: true }));
    const material = await chooseMaterial(images, { project, directory, signal });
    signal.throwIfAborted();

    const redis = await startRedis(directory, signal);
    closers.push(redis.stop);
    console.log(`Redis listens on port ${redis.port}. Starting the worker (models: ${material.modelPack}) …`);
    const begun = AbortSignal.any([signal, redis.lost]);
    const worker = await startWorker({ project, directory, material, ...redis }, begun);
    closers.push(async () => {
      console.log('\nStopping the worker, the dashboard and Redis …');
      await worker.stop();
    });

    console.log(`The dashboard of this demo: ${worker.dashboard}`);
    console.log(`Searching for ${material.selfie} in ${path.join(material.galleryDir, material.stage)}`);
    const running = AbortSignal.any([begun, worker.lost]);
    const found = await search(material, redis.port, running);
    for (const line of found.log) console.log(`Job log: ${line}`);
    console.log(`\n${formatMatches(found.matches)}`);
    console.log(`\n${found.matches.length} photos in ${(found.durationMs / 1000).toFixed(2)} s`);

    for (const record of await readBusyWorkers(redis.client, running)) {
      console.log(`\nHeartbeat of ${record.id} in Redis:\n${formatWorker(record)}`);
    }
    if (keep) {
      console.log(`\nThe dashboard runs at ${worker.dashboard} until you press Ctrl-C.`);
      await untilAborted(running);
      // Ctrl-C is how it is meant to end. Anything else has stopped by itself.
      if (!signal.aborted) throw running.reason;
    }
  } finally {
    for (const close of closers.toReversed()) await close();
  }
}

/** @param {AbortSignal} signal */
async function untilAborted(signal) {
  if (!signal.aborted) await once(signal, 'abort');
}
