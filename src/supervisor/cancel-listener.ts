import type { Redis } from 'ioredis';
import { messageOf } from '../shared/errors.js';
import type { Logger } from '../shared/logger.js';
import { isConnectionError } from '../shared/redis-connection.js';
import { cancelChannel } from '../shared/redis-keys.js';

/**
 * Hears every message on the queue's cancel channel: the id of a job that is to end.
 *
 * @param redis duplicated: a connection that listens can do nothing else
 * @param cancel whether the job ran on this machine
 */
export function listenForCancels(
  redis: Redis,
  queueName: string,
  cancel: (jobId: string) => boolean,
  logger: Logger,
): { stop(): void } {
  const connection = redis.duplicate();
  // Whatever takes this connection away takes the first one away too, which tells of it.
  connection.on('error', () => undefined);
  connection.on('message', (_channel, jobId) => {
    if (cancel(jobId)) logger.info({ jobId }, 'Cancelling a job on request');
  });
  connection.subscribe(cancelChannel(queueName)).catch((error: Error) => {
    if (!isConnectionError(error)) logger.warn(`Running jobs cannot be cancelled: ${messageOf(error)}`);
  });
  return { stop: () => connection.disconnect() };
}
