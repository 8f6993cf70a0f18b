import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { messageOf } from '../../shared/errors.js';
import type { Logger } from '../../shared/logger.js';
import type { ApiProblem, FleetEvent, HistoryEvent } from '../api/api.js';
import { describeRedisTrouble, redisAway } from '../api/redis-trouble.js';
import { createFleetHistory, SAMPLE_INTERVAL_MS } from './fleet-history.js';
import { type Queues, readFleetMoment } from './fleet-moment.js';

const REFRESH_INTERVAL_MS = 2000;

export type FleetNews =
  | { readonly kind: 'fleet'; readonly event: FleetEvent }
  /** The fleet's state is unknown. */
  | { readonly kind: 'trouble'; readonly problem: ApiProblem };

export interface FleetWatch {
  history(): HistoryEvent;
  /** @returns a function that ends the subscription; the listener gets the fleet as it is now as soon as it is read */
  subscribe(listener: (news: FleetNews) => void): () => void;
  stop(): void;
}

/** Reads the fleet every two seconds while someone is subscribed, once for all subscribers. */
export function watchFleet(redis: Redis, queues: Queues, logger: Logger): FleetWatch {
  const history = createFleetHistory();
  const listeners = new Set<(news: FleetNews) => void>();
  let sampledMs = -Infinity;
  let last: { readonly atMs: number; readonly news: FleetNews } | null = null;
  /** Aborts the loop; `null` without subscribers. */
  let running: AbortController | null = null;

  const read = async (): Promise<FleetNews> => {
    if (redis.status !== 'ready') return { kind: 'trouble', problem: redisAway() };
    const moment = await readFleetMoment(redis, queues);
    const isDue = performance.now() - sampledMs >= SAMPLE_INTERVAL_MS;
    if (isDue) sampledMs = performance.now();
    return { kind: 'fleet', event: { ...moment, sample: isDue ? history.add(moment) : null } };
  };

  const refresh = async (signal: AbortSignal): Promise<void> => {
    let news: FleetNews;
    try {
      news = await read();
    } catch (error) {
      if (signal.aborted) return;
      logger.warn(`Cannot read the fleet: ${messageOf(error)}`);
      const problem = describeRedisTrouble(error);
      if (problem === null) return;
      news = { kind: 'trouble', problem };
    }
    if (signal.aborted) return;
    last = { atMs: performance.now(), news };
    for (const listener of listeners) listener(news);
  };

  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      await refresh(signal);
      await untilNext(redis, signal);
    }
  };

  return {
    history: history.all,
    subscribe: (listener) => {
      listeners.add(listener);
      if (running === null) {
        running = new AbortController();
        void run(running.signal);
      } else if (last !== null && performance.now() - last.atMs < 2 * REFRESH_INTERVAL_MS) {
        listener(withoutSample(last.news));
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        running?.abort();
        running = null;
      };
    },
    stop: () => {
      listeners.clear();
      running?.abort();
    },
  };
}

/** Waits for the next refresh, or until Redis is back. */
async function untilNext(redis: Redis, stopped: AbortSignal): Promise<void> {
  const waiting = new AbortController();
  const signal = AbortSignal.any([stopped, waiting.signal]);
  await Promise.race([
    sleep(REFRESH_INTERVAL_MS, undefined, { signal }),
    once(redis, 'ready', { signal }),
  ]).catch(() => undefined);
  waiting.abort();
}

/** The history has the sample already. */
function withoutSample(news: FleetNews): FleetNews {
  return news.kind === 'fleet' ? { ...news, event: { ...news.event, sample: null } } : news;
}
