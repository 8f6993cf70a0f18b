import { setTimeout as sleep } from 'node:timers/promises';
import { GalleryUnavailableError, JobError } from '../shared/errors.js';
import type { IndexPass } from './index-pass.js';
import { IndexStalledError } from './stage-indexer.js';
import { count, printableLines } from './terminal.js';

/** Passes without work take at most 5 % of the time, as scans of the workers do. */
const INTERVAL_DURATIONS = 20;

/**
 * Repeats passes over a stage until the signal aborts. Prints what is new: photos that were indexed, photos that cannot
 * be used, and why a pass failed. A gallery that is away or a stage that does not exist may come later.
 */
export async function watchStage(
  pass: () => Promise<IndexPass>,
  leastIntervalMs: number,
  signal: AbortSignal,
): Promise<void> {
  let known: ReadonlySet<string> = new Set();
  let failure: string | null = null;
  let isFirst = true;
  let indexed = 0;
  while (!signal.aborted) {
    const startedAt = performance.now();
    let intervalMs = leastIntervalMs;
    try {
      const done = await pass();
      failure = null;
      indexed += done.indexed;
      if (isFirst || done.indexed > 0) print(done.summary);
      const lines = [...done.skipped, ...done.missing];
      for (const line of lines) if (!known.has(line)) print(line);
      known = new Set(lines);
      // The first pass loads the faces, and one with work waits for the workers.
      if (!isFirst && done.indexed === 0)
        intervalMs = Math.max(leastIntervalMs, INTERVAL_DURATIONS * (performance.now() - startedAt));
      if (isFirst) print('Waiting for new photos. Ctrl-C ends this.');
      isFirst = false;
    } catch (error) {
      const message = messageOfTransient(error);
      if (message !== failure) process.stderr.write(`${printableLines(message)}\n`);
      failure = message;
    }
    await sleep(intervalMs, null, { signal }).catch(() => {});
  }
  print(`Ended; ${count(indexed, 'photo')} indexed.`);
}

/** @throws the error if another try does not help */
function messageOfTransient(error: unknown): string {
  const isTransient =
    error instanceof GalleryUnavailableError ||
    error instanceof JobError ||
    error instanceof IndexStalledError;
  if (!isTransient) throw error;
  return error instanceof JobError ? error.detail : error.message;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
