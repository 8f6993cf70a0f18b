import type { QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Config } from '../../../shared/config.js';
import type { Logger } from '../../../shared/logger.js';
import type { Queues } from '../../fleet/fleet-moment.js';
import type { FleetWatch } from '../../fleet/fleet-watch.js';
import type { DashboardGalleries } from '../../galleries/galleries.js';
import type { Guard } from '../guard.js';

/** The dependencies of the routes. */
export interface RouteContext {
  readonly config: Config;
  readonly redis: Redis;
  readonly queues: Queues;
  readonly searchEvents: QueueEvents;
  readonly fleet: FleetWatch;
  readonly galleries: DashboardGalleries;
  readonly guard: Guard;
  readonly logger: Logger;
}
