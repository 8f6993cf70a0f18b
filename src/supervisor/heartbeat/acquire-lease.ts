import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf, StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { Logger } from '../../shared/logger.js';
import { identifyProcess, isKnownDead } from './process-identity.js';
import { type Holder, LEASE_MS, type MachineLease } from './machine-lease.js';

const POLL_MS = 500;
const REFUSED_RETRY_MS = 2000;

/**
 * Takes this machine's lease. If the holder ran on this machine and is dead, its lease is taken over at once. Otherwise
 * the lease of a killed supervisor expires. A running supervisor renews its lease,
 * and this one then refuses to start.
 *
 * @throws {StartupError} `leaseTaken`, with the holder
 */
export async function acquireLease(
  lease: MachineLease,
  hostname: string,
  logger: Logger,
  signal: AbortSignal,
  isDead: (holder: Holder) => boolean = isDeadHere,
): Promise<void> {
  let previousExpiryMs = Infinity;
  let refusal: string | null = null;

  /** `null` if Redis refuses the command: without the right, as a replica, or with its memory full. */
  const takeOrExplain = async (): Promise<Awaited<ReturnType<MachineLease['take']>> | null> => {
    try {
      return await lease.take();
    } catch (error) {
      if (messageOf(error) !== refusal)
        logger.error(`Cannot take the lease of ${hostname}: ${messageOf(error)}`);
      refusal = messageOf(error);
      return null;
    }
  };

  for (;;) {
    const answer = await takeOrExplain();
    if (answer === null) {
      await sleep(REFUSED_RETRY_MS, undefined, { signal });
      continue;
    }
    if (answer.kind === 'taken') return;
    if (isDead(answer.holder)) {
      logger.info(
        { holder: answer.holder },
        `Taking the lease of ${hostname} from a supervisor that has died`,
      );
      await lease.takeFrom(answer.holder);
      continue;
    }
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

/** On the same machine, the death of the holder is known at once. */
function isDeadHere(holder: Holder): boolean {
  const self = identifyProcess(process.pid);
  return self !== null && holder.process !== undefined && isKnownDead(holder.process, self);
}

function leaseTaken(hostname: string, holder: Holder): StartupError {
  const since = new Date(holder.since * 1000).toISOString();
  return new StartupError(
    `Cannot start: another supervisor holds the lease of ${hostname} (pid ${holder.pid}, since ${since}). ` +
      'Stop it first, or set a different WORKER_HOSTNAME for this one.',
    EXIT_CODES.leaseTaken,
  );
}
