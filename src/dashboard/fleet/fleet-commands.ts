import type { Redis } from 'ioredis';
import { restartChannel, workerPausedKey } from '../../shared/redis-keys.js';
import { deleteKeys, publish } from '../../shared/redis-keyspace.js';
import { readFleet } from '../../shared/fleet-records.js';
import type { WorkerRecord } from '../../shared/worker-record.js';
import { ApiError, notFound } from '../api/api-error.js';

export const COMMANDS = ['pause', 'resume', 'restart'] as const;
export type Command = (typeof COMMANDS)[number];

/** One worker, or all workers of a machine. */
export type Recipient = { readonly worker: string } | { readonly machine: string };

/**
 * Sends a command to the supervisors. They follow within a heartbeat (pause, resume) or at once (restart).
 *
 * @returns the ids of the workers that it addresses
 * @throws {ApiError} `NOT_FOUND`; `NO_SUPERVISOR` where no supervisor would receive a restart
 */
export async function sendCommand(
  redis: Redis,
  prefix: string,
  command: Command,
  recipient: Recipient,
): Promise<string[]> {
  const fleet = (await readFleet(redis)).map(({ record }) => record);
  const records = fleet.filter(isRecipient(recipient));
  const [first] = records;
  if (first === undefined) {
    throw notFound(
      'worker' in recipient ? 'There is no worker with this id.' : 'There is no machine with this name.',
    );
  }
  const ids = records.map(({ id }) => id);
  switch (command) {
    case 'pause':
      await Promise.all(ids.map((id) => redis.set(workerPausedKey(id), '1')));
      break;
    case 'resume':
      await deleteKeys(redis, ids.map(workerPausedKey));
      break;
    case 'restart': {
      const receivers = await publish(
        redis,
        restartChannel(first.hostname, { db: redis.options.db ?? 0, prefix }),
        'worker' in recipient ? first.id : '',
      );
      if (receivers === 0) {
        throw new ApiError(
          409,
          'NO_SUPERVISOR',
          `No supervisor is running on ${first.hostname}; start it there with: node dist/supervisor.js`,
        );
      }
    }
  }
  return ids;
}

function isRecipient(recipient: Recipient): (record: WorkerRecord) => boolean {
  return 'worker' in recipient
    ? ({ id }) => id === recipient.worker
    : ({ hostname }) => hostname === recipient.machine;
}
