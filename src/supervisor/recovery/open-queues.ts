import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../shared/config.js';
import { indexQueueName } from '../../shared/index-batch.js';
import type { Logger } from '../../shared/logger.js';

/** The search queue, and its index queue. */
export type OpenQueues = () => Promise<readonly Queue[]>;

/**
 * The queues, opened on the first call: BullMQ takes 10 MB and a tenth of a second, and a supervisor needs it only to
 * return jobs.
 */
export function createQueueOpener(config: Config['queue'], redis: Redis, logger: Logger): OpenQueues {
  let queues: Promise<readonly Queue[]> | null = null;

  const open = async (): Promise<readonly Queue[]> => {
    const { Queue: BullQueue } = await import('bullmq');
    return [config.name, indexQueueName(config.name)].map((name) => {
      const queue = new BullQueue(name, { connection: redis, prefix: config.prefix });
      queue.on('error', (error) => logger.debug({ err: error }, 'The queue reported an error'));
      return queue;
    });
  };
  return () => (queues ??= open());
}
