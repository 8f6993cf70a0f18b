import type { Redis } from 'ioredis';
import { messageOf } from '../shared/errors.js';
import type { Logger } from '../shared/logger.js';
import { isConnectionError } from '../shared/redis-connection.js';
import { cancelChannel, restartChannel } from '../shared/redis-keys.js';

export interface Orders {
  /** A running job is to end, where it runs on this machine. */
  cancel(jobId: string): void;
  /** A worker of this machine is to restart. Tells whether there is one of this id. */
  restart(workerId: string): boolean;
  /** All workers of this machine are to restart, one by one. */
  roll(): void;
}

/**
 * Hears what the portal and the dashboard ask of this machine over Redis. Who asks while the connection is away is not
 * heard; Redis tells them how many heard it.
 *
 * @param redis duplicated: a connection that listens can do nothing else
 */
export function listenForCommands(
  redis: Redis,
  { queueName, hostname }: { readonly queueName: string; readonly hostname: string },
  orders: Orders,
  logger: Logger,
): { stop(): void } {
  const connection = redis.duplicate();
  const cancels = cancelChannel(queueName);
  const restarts = restartChannel(hostname);
  // Whatever takes this connection away takes the first one away too, which tells of it.
  connection.on('error', () => undefined);
  connection.on('message', (channel, message) => {
    if (channel === cancels) orders.cancel(message);
    if (channel !== restarts) return;
    logger.info({ worker: message || 'all' }, 'Restarting on request');
    if (message === '') orders.roll();
    else if (!orders.restart(message))
      logger.warn({ worker: message }, 'There is no worker of this id to restart');
  });
  connection.subscribe(cancels, restarts).catch((error: Error) => {
    if (!isConnectionError(error)) logger.warn(`Orders over Redis are not heard: ${messageOf(error)}`);
  });
  return { stop: () => connection.disconnect() };
}
