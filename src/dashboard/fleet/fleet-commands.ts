import type { Redis } from 'ioredis';
import { restartChannel, workerPausedKey } from '../../shared/redis-keys.js';
import { readFleet } from '../../shared/fleet-records.js';
import type { WorkerRecord } from '../../shared/worker-record.js';
import { ApiError, notFound } from '../api/api-error.js';

/** What an operator may ask of workers. */
export const ORDERS = ['pause', 'resume', 'restart'] as const;
export type Order = (typeof ORDERS)[number];

/** One worker, or all of a machine. */
export type Recipient = { readonly worker: string } | { readonly machine: string };

/**
 * Passes an order on to the supervisors. They obey within a heartbeat (pause, resume), or at once (restart).
 *
 * @returns the workers that it is about
 * @throws {ApiError} `NOT_FOUND`; `NO_SUPERVISOR` where a restart would be heard by nobody
 */
export async function giveOrder(
  redis: Redis,
  prefix: string,
  order: Order,
  recipient: Recipient,
): Promise<string[]> {
  const fleet = (await readFleet(redis)).map(({ record }) => record);
  const records = fleet.filter(isMeant(recipient));
  const [first] = records;
  if (first === undefined) {
    throw notFound(
      'worker' in recipient
        ? 'No worker of this id has ever registered here.'
        : 'No worker of this machine has ever registered here.',
    );
  }
  const ids = records.map(({ id }) => id);
  switch (order) {
    case 'pause':
      await redis.mset(Object.fromEntries(ids.map((id) => [workerPausedKey(id), '1'])));
      break;
    case 'resume':
      await redis.unlink(ids.map(workerPausedKey));
      break;
    case 'restart': {
      const heard = await redis.publish(
        restartChannel(first.hostname, { db: redis.options.db ?? 0, prefix }),
        'worker' in recipient ? first.id : '',
      );
      if (heard === 0) {
        throw new ApiError(
          409,
          'NO_SUPERVISOR',
          `No supervisor of ${first.hostname} is running; start it there with: node dist/supervisor.js`,
        );
      }
    }
  }
  return ids;
}

function isMeant(recipient: Recipient): (record: WorkerRecord) => boolean {
  return 'worker' in recipient
    ? ({ id }) => id === recipient.worker
    : ({ hostname }) => hostname === recipient.machine;
}
