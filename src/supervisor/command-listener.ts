import type { Redis } from 'ioredis';
import { messageOf } from '../shared/errors.js';
import type { Logger } from '../shared/logger.js';
import { duplicateRedis } from '../shared/open-redis.js';
import { isConnectionError } from '../shared/redis-connection.js';
import { cancelChannel, type QueueAddress, restartChannel } from '../shared/redis-keys.js';

export interface CommandHandlers {
  /** Cancels the job if it runs on this machine. */
  cancel(jobId: string): void;
  /** Restarts one worker. Returns false if this machine has no worker with this id. */
  restart(workerId: string): boolean;
  /** Restarts all workers of this machine, one by one. */
  roll(): void;
}

/**
 * Receives commands of the portal and the dashboard over Redis pub/sub. Commands sent while the connection is lost are
 * lost too; the reply to PUBLISH tells the sender how many subscribers there are.
 *
 * @param redis is duplicated, because a subscribed connection cannot run other commands
 */
export function listenForCommands(
  redis: Redis,
  { queue, hostname }: { readonly queue: QueueAddress; readonly hostname: string },
  handlers: CommandHandlers,
  logger: Logger,
): { stop(): void } {
  const connection = duplicateRedis(redis);
  const cancels = cancelChannel(queue);
  const restarts = restartChannel(hostname, queue);
  connection.on('message', (channel, message) => {
    if (channel === cancels) handlers.cancel(message);
    if (channel !== restarts) return;
    logger.info({ worker: message || 'all' }, 'Restarting on request');
    if (message === '') handlers.roll();
    else if (!handlers.restart(message))
      logger.warn({ worker: message }, 'Cannot restart: this machine has no worker with this id');
  });
  connection.subscribe(cancels, restarts).catch((error: Error) => {
    if (!isConnectionError(error)) logger.warn(`Cannot receive commands over Redis: ${messageOf(error)}`);
  });
  return { stop: () => connection.disconnect() };
}
