import { setTimeout as sleep } from 'node:timers/promises';
import { StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { Logger } from '../../shared/logger.js';
import { type Holder, LEASE_MS, type MachineLease } from './machine-lease.js';

const POLL_MS = 500;

/**
 * Takes this machine's lease. The lease of a supervisor that was killed expires. A running supervisor renews its lease,
 * and this one then refuses to start.
 *
 * @throws {StartupError} `leaseTaken`, with the holder
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
        `Another supervisor holds the lease of ${hostname}; waiting up to ${LEASE_MS / 1000} s to see whether it is alive`,
      );
    }
    previousExpiryMs = answer.expiresInMs;
    await sleep(POLL_MS, undefined, { signal });
  }
}

function leaseTaken(hostname: string, holder: Holder): StartupError {
  const since = new Date(holder.since * 1000).toISOString();
  return new StartupError(
    `Cannot start: another supervisor holds the lease of ${hostname} (pid ${holder.pid}, since ${since}). ` +
      'Stop it first, or set a different WORKER_HOSTNAME for this one.',
    EXIT_CODES.leaseTaken,
  );
}
