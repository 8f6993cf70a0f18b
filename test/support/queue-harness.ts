import { type Job, type JobsOptions, Queue, QueueEvents } from 'bullmq';
import type { Config } from '../../src/shared/config.js';
import { loadConfig } from '../../src/shared/config.js';
import type { RedisServer } from '../../scripts/support/redis-server.mjs';

/** The portal's side of a queue: adds jobs, and sees what becomes of them. */
export interface QueueHarness {
  readonly config: Config;
  readonly queue: Queue;
  add(data: unknown, options?: JobsOptions): Promise<Job>;
  /** Every progress that was told of a job, in order. */
  progressOf(jobId: string): readonly number[];
  /** Settles once a job has reached a state for good or for now. */
  reached(job: Job, event: 'completed' | 'failed' | 'waiting' | 'active'): Promise<void>;
  close(): Promise<void>;
}

let queues = 0;

export async function createQueueHarness(
  server: RedisServer,
  environment: Record<string, string> = {},
): Promise<QueueHarness> {
  const name = `queue-${process.pid}-${(queues += 1)}`;
  const config = loadConfig(
    {
      REDIS_URL: `redis://127.0.0.1:${server.port}`,
      QUEUE_NAME: name,
      WORKER_HOSTNAME: 'host',
      ...environment,
    },
    '/nowhere',
  );
  const connection = {
    host: '127.0.0.1',
    port: server.port,
    maxRetriesPerRequest: null,
    retryStrategy: () => 50,
  };
  const queue = new Queue(name, { connection });
  const events = new QueueEvents(name, { connection });
  // Redis is away in some tests, and back later.
  queue.on('error', () => {});
  events.on('error', () => {});
  const progress = new Map<string, number[]>();
  events.on('progress', ({ jobId, data }) => {
    progress.set(jobId, [...(progress.get(jobId) ?? []), data as number]);
  });
  const seen: { readonly jobId: string; readonly event: string }[] = [];
  const waiting = new Set<() => void>();
  for (const event of ['completed', 'failed', 'waiting', 'active'] as const) {
    events.on(event, ({ jobId }: { jobId: string }) => {
      seen.push({ jobId, event });
      for (const check of waiting) check();
    });
  }
  await Promise.all([queue.waitUntilReady(), events.waitUntilReady()]);

  return {
    config,
    queue,
    add: (data, options) => queue.add('search', data, options),
    progressOf: (jobId) => progress.get(jobId) ?? [],
    reached: (job, event) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!seen.some((one) => one.jobId === job.id && one.event === event)) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    close: async () => {
      await Promise.all([queue.close(), events.close()]);
    },
  };
}
