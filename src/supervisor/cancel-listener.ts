import type { Redis } from 'ioredis';
import type { Logger } from '../shared/logger.js';
import { cancelChannel } from '../shared/redis-keys.js';

/** Hears every message on the queue's cancel channel: the id of a job that is to end. Reconnects on its own. */
export async function listenForCancels(
  redis: Redis,
  queueName: string,
  cancel: (jobId: string) => boolean,
  logger: Logger,
): Promise<void> {
  redis.on('message', (_channel, jobId) => {
    if (cancel(jobId)) logger.info({ jobId }, 'Cancelling a job on request');
  });
  await redis.subscribe(cancelChannel(queueName));
}
