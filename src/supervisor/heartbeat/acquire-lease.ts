import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { Logger } from '../../shared/logger.js';
import { type Holder, LEASE_MS, type MachineLease } from './machine-lease.js';

const POLL_MS = 500;

/**
 * Takes the machine's place. A predecessor that was killed leaves a lease behind, which is waited for; one
 * that lives renews it, and is left alone.
 *
 * @throws {StartupError} `leaseTaken`, saying who holds the place
 */
export async function acquireLease(
  lease: MachineLease,
  hostname: string,
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  let previousExpiryMs = Infinity;
  for (;;) {
    const answer = await lease.take();
    if (answer.kind === 'taken') return;
    if (answer.expiresInMs > previousExpiryMs) throw leaseTaken(hostname, answer.holder);
    if (previousExpiryMs === Infinity) {
      logger.warn(
        { holder: answer.holder },
        `Waiting up to ${LEASE_MS / 1000} s to see whether the supervisor that holds the place of ${hostname} is alive`,
      );
    }
    previousExpiryMs = answer.expiresInMs;
    await sleep(POLL_MS, undefined, { signal });
  }
}

function leaseTaken(hostname: string, holder: Holder): StartupError {
  const since = new Date(holder.since * 1000).toISOString();
  return new StartupError(
    `Cannot start: another supervisor holds the place of ${hostname} (pid ${holder.pid}, since ${since}). ` +
      'Stop that one first, or give this one its own WORKER_HOSTNAME.',
    EXIT_CODES.leaseTaken,
  );
}
