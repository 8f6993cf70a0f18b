import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import { readFleet } from '../../shared/fleet-records.js';
import type { Logger } from '../../shared/logger.js';
import { viewWorker } from './activity.js';
import type { ApiProblem, FleetEvent, HistoryEvent, QueueKind, QueueView } from '../api/api.js';
import { createFleetHistory, type FleetMoment, SAMPLE_INTERVAL_MS } from './fleet-history.js';
import { redisAway } from '../api/redis-away.js';

export const LOOK_INTERVAL_MS = 2000;

/** The queues of this fleet. */
export type Queues = Readonly<Record<QueueKind, Queue>>;

export type FleetNews =
  | { readonly kind: 'fleet'; readonly event: FleetEvent }
  /** Nobody knows how the fleet is. */
  | { readonly kind: 'trouble'; readonly problem: ApiProblem };

export interface FleetWatch {
  history(): HistoryEvent;
  /** The last news, `null` before the first. */
  last(): FleetNews | null;
  /** @returns what ends it */
  subscribe(listener: (news: FleetNews) => void): () => void;
  stop(): void;
}

/** Looks at the fleet every two seconds, once for all who watch. */
export function watchFleet(redis: Redis, queues: Queues, logger: Logger): FleetWatch {
  const history = createFleetHistory();
  const listeners = new Set<(news: FleetNews) => void>();
  const stopped = new AbortController();
  let sampledMs = -Infinity;
  let last: FleetNews | null = null;

  const look = async (): Promise<FleetNews> => {
    if (redis.status !== 'ready') return { kind: 'trouble', problem: redisAway() };
    const moment = await readFleetMoment(redis, queues);
    const isDue = performance.now() - sampledMs >= SAMPLE_INTERVAL_MS;
    if (isDue) sampledMs = performance.now();
    return { kind: 'fleet', event: { ...moment, sample: isDue ? history.add(moment) : null } };
  };

  /** Until the next look, or until Redis is there again. */
  const pause = async (): Promise<void> => {
    const waiting = new AbortController();
    const signal = AbortSignal.any([stopped.signal, waiting.signal]);
    await Promise.race([
      sleep(LOOK_INTERVAL_MS, undefined, { signal }),
      once(redis, 'ready', { signal }),
    ]).catch(() => undefined);
    waiting.abort();
  };

  const run = async (): Promise<void> => {
    if (redis.status !== 'ready') await pause();
    while (!stopped.signal.aborted) {
      try {
        last = await look();
        for (const listener of listeners) listener(last);
      } catch (error) {
        if (!stopped.signal.aborted) logger.warn(`The fleet cannot be read: ${messageOf(error)}`);
      }
      await pause();
    }
  };
  void run();

  return {
    history: history.all,
    last: () => last,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    stop: () => stopped.abort(),
  };
}

export async function readFleetMoment(redis: Redis, queues: Queues): Promise<FleetMoment> {
  const [fleet, search, index] = await Promise.all([
    readFleet(redis),
    viewQueue('search', queues.search),
    viewQueue('index', queues.index),
  ]);
  return { at: Date.now() / 1000, workers: fleet.map(viewWorker), queues: [search, index] };
}

async function viewQueue(kind: QueueKind, queue: Queue): Promise<QueueView> {
  const counts = await queue.getJobCounts(
    'wait',
    'paused',
    'prioritized',
    'active',
    'waiting-children',
    'delayed',
    'completed',
    'failed',
  );
  const of = (name: string): number => counts[name] ?? 0;
  return {
    kind,
    name: queue.name,
    counts: {
      waiting: of('wait') + of('paused') + of('prioritized'),
      active: of('active'),
      waiting_children: of('waiting-children'),
      delayed: of('delayed'),
      completed: of('completed'),
      failed: of('failed'),
    },
  };
}
