import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { readFleet } from '../../shared/fleet-records.js';
import type { QueueKind, QueueView, WorkerView } from '../api/api.js';
import { countJobs } from '../jobs/job-states.js';
import { viewWorker } from './activity.js';

/** The two queues of this fleet. */
export type Queues = Readonly<Record<QueueKind, Queue>>;

/** The whole fleet at one moment. */
export interface FleetMoment {
  /** Seconds since 1970. */
  readonly at: number;
  readonly workers: readonly WorkerView[];
  readonly queues: readonly QueueView[];
}

export async function readFleetMoment(redis: Redis, queues: Queues): Promise<FleetMoment> {
  const [fleet, search, index] = await Promise.all([
    readFleet(redis),
    viewQueue(redis, 'search', queues.search),
    viewQueue(redis, 'index', queues.index),
  ]);
  return { at: Date.now() / 1000, workers: fleet.map(viewWorker), queues: [search, index] };
}

async function viewQueue(redis: Redis, kind: QueueKind, queue: Queue): Promise<QueueView> {
  const [counts, paused] = await Promise.all([countJobs(redis, kind, queue), queue.isPaused()]);
  return { kind, name: queue.name, paused, counts };
}
