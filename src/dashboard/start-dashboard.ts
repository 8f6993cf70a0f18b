import { Queue, QueueEvents } from 'bullmq';
import type { Config } from '../shared/config.js';
import { messageOf, StartupError } from '../shared/errors.js';
import { EXIT_CODES } from '../shared/exit-codes.js';
import { indexQueueName } from '../shared/index-batch.js';
import type { Logger } from '../shared/logger.js';
import { duplicateRedis } from '../shared/open-redis.js';
import { createRedis } from '../shared/redis-connection.js';
import { watchFleet } from './fleet/fleet-watch.js';
import { createDashboardGalleries } from './galleries/galleries.js';
import { createGuard } from './http/guard.js';
import { createServer } from './server.js';

export interface Dashboard {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Serves the page and the HTTP API. It reads from Redis and writes commands to it; no worker depends on it.
 *
 * @throws {StartupError} `badConfig` if it is switched off; `addressTaken`
 */
export async function startDashboard(config: Config, logger: Logger): Promise<Dashboard> {
  const { host, port, token, readToken } = config.dashboard;
  if (port === null) {
    throw new StartupError(
      'The dashboard is switched off; set DASHBOARD_PORT to a port.',
      EXIT_CODES.badConfig,
    );
  }
  const redis = createRedis(config.redis, logger, { connectionName: `dashboard:${config.hostname}` });
  const connection = { connection: redis, prefix: config.queue.prefix };
  const queues = {
    search: new Queue(config.queue.name, connection),
    index: new Queue(indexQueueName(config.queue.name), connection),
  };
  // Reading events blocks a connection.
  const eventsRedis = duplicateRedis(redis);
  const searchEvents = new QueueEvents(config.queue.name, {
    connection: eventsRedis,
    prefix: config.queue.prefix,
  });
  searchEvents.setMaxListeners(0);
  // The first connection logs the errors of Redis.
  for (const queue of Object.values(queues)) queue.on('error', () => undefined);
  searchEvents.on('error', () => undefined);

  const fleet = watchFleet(redis, queues, logger);
  const guard = createGuard({ full: token, read: readToken });
  const galleries = createDashboardGalleries(redis, queues.index, config);
  const app = await createServer({ config, redis, queues, searchEvents, fleet, galleries, guard, logger });

  const stop = async (): Promise<void> => {
    fleet.stop();
    await app.close();
    redis.disconnect();
    eventsRedis.disconnect();
  };

  try {
    const url = await app.listen({ host, port });
    logger.info({ url, tokenRequired: guard.tokenRequired }, `The dashboard is at ${url}`);
    return { url, stop };
  } catch (error) {
    await stop();
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') {
      throw new StartupError(
        `Port ${port} of ${host} is in use, perhaps by another dashboard; set DASHBOARD_PORT to another port, or to off.`,
        EXIT_CODES.addressTaken,
        { cause: error },
      );
    }
    throw new StartupError(
      `The dashboard cannot listen on ${host}, port ${port}: ${messageOf(error)}`,
      EXIT_CODES.badConfig,
      {
        cause: error,
      },
    );
  }
}
