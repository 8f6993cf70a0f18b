import { createJobWorkers, type JobWorkers } from '../../src/child/job-workers.js';
import { startGalleriesHere } from './galleries-here.js';
import type { Engine } from '../../src/child/engine/engine.js';
import type { Config } from '../../src/shared/config.js';
import { createRedis, redisReady } from '../../src/shared/redis-connection.js';
import type { Redis } from 'ioredis';
import { vi, expect } from 'vitest';
import { type LogLine, recordLog } from './log-recorder.js';

/** A busy machine may take its time. */
export const PATIENCE = { timeout: 20_000 };

/** Jobs for a scripted engine. */
export const SELFIE = 'face:1';
/** Without the second pass, so that the score is the similarity of the faces. */
export const PLAIN_JOB = {
  expand: false,
  image: SELFIE,
  gallery: [
    { id: 'a', image: 'face:0.9' },
    { id: 'b', image: 'face:0.1' },
  ],
};
export const SLOW_JOB = { image: SELFIE, gallery: [{ id: 'a', image: 'slow' }] };
export const STUCK_JOB = { image: SELFIE, gallery: [{ id: 'a', image: 'stuck' }] };

/** A job worker in this process, with its own connection to Redis. */
export interface WorkerHarness {
  readonly worker: JobWorkers;
  readonly redis: Redis;
  /** What the supervisor would be told: `started 1`, `progress 1 20`, `ended 1 completed`. */
  readonly told: readonly string[];
  /** The same without the progress. */
  steps(): string[];
  readonly lines: readonly LogLine[];
  /** Settles once Redis shows that the worker waits for a job. */
  fetching(): Promise<void>;
  stop(): Promise<void>;
}

export async function startWorker(config: Config, engine: Engine): Promise<WorkerHarness> {
  const { logger, lines } = recordLog();
  const told: string[] = [];
  const redis = createRedis(config.redis, logger, { connectionName: 'host_cpu0' });
  await redisReady(redis);
  const worker = createJobWorkers({
    config,
    workerId: 'host_cpu0',
    engine,
    galleries: startGalleriesHere(config, engine, redis),
    redis,
    events: {
      started: (queue, jobId) => queue === 'search' && told.push(`started ${jobId}`),
      progress: (jobId, percent) => told.push(`progress ${jobId} ${percent}`),
      timed: () => undefined,
      ended: (queue, jobId, outcome) => queue === 'search' && told.push(`ended ${jobId} ${outcome}`),
    },
    logger,
  });
  return {
    worker,
    redis,
    told,
    steps: () => told.filter((line) => !line.startsWith('progress')),
    lines,
    fetching: () =>
      vi.waitFor(async () => {
        expect(await redis.client('LIST')).toMatch(/flags=b .*cmd=bzpopmin/);
      }, PATIENCE),
    stop: async () => {
      await worker.drain(0);
      redis.disconnect();
    },
  };
}
