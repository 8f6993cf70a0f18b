import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Job, Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { startDashboard } from '../../src/dashboard/start-dashboard.js';
import { loadConfig } from '../../src/shared/config.js';
import type { WorkerRecord } from '../../src/shared/worker-record.js';
import { recordLog } from './log-recorder.js';

/** A dashboard in this process with a real Redis, and no worker but those that a test writes down. */
export interface DashboardHarness {
  readonly url: string;
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly searchQueue: Queue;
  readonly indexQueue: Queue;
  readonly galleryDir: string;
  readonly lines: ReturnType<typeof recordLog>['lines'];
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** As JSON. */
  send(method: string, path: string, body?: unknown): Promise<Response>;
  register(...records: WorkerRecord[]): Promise<void>;
  /** Takes searches as a worker does, until the end, and answers them with what `answer` returns. */
  work(answer: (job: Job) => Promise<unknown>): void;
  stop(): Promise<void>;
}

export async function startDashboardHarness(
  environment: Record<string, string> = {},
): Promise<DashboardHarness> {
  const galleryDir = await mkdtemp(path.join(tmpdir(), 'dashboard-'));
  const server = await startRedisServer({ appendOnly: true });
  const redis = new Redis(server.port, '127.0.0.1', { maxRetriesPerRequest: null });
  redis.on('error', () => undefined);
  const { logger, lines } = recordLog();
  const config = loadConfig(
    {
      REDIS_PORT: String(server.port),
      GALLERY_DIR: galleryDir,
      DASHBOARD_PORT: '0',
      DASHBOARD_SEARCHES_PER_MINUTE: '0',
      ...environment,
    },
    galleryDir,
  );
  const dashboard = await startDashboard(config, logger);
  await vi.waitFor(async () => {
    const { status } = await fetch(`${dashboard.url}/readyz`);
    if (status !== 200) throw new Error('Redis is not there yet');
  }, 10_000);
  const searchQueue = new Queue('face-search', { connection: redis });
  const indexQueue = new Queue('face-index', { connection: redis });
  for (const queue of [searchQueue, indexQueue]) queue.on('error', () => undefined);
  const send = (method: string, url: string, body?: unknown): Promise<Response> =>
    fetch(`${dashboard.url}${url}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      }),
    });

  const workers: Worker[] = [];

  return {
    url: dashboard.url,
    server,
    redis,
    searchQueue,
    indexQueue,
    galleryDir,
    lines,
    fetch: (url, init) => fetch(`${dashboard.url}${url}`, init),
    send,
    register: async (...records) => {
      for (const record of records) await redis.hset('workers', record.id, JSON.stringify(record));
    },
    work: (answer) => {
      const connection = { host: '127.0.0.1', port: server.port, maxRetriesPerRequest: null };
      const worker = new Worker('face-search', answer, { connection });
      worker.on('error', () => undefined);
      workers.push(worker);
    },
    stop: async () => {
      await Promise.all(workers.map((worker) => worker.close(true)));
      await dashboard.stop();
      redis.disconnect();
      await server.stop();
      await rm(galleryDir, { recursive: true });
    },
  };
}

/** Server-sent events of a response, one after another. */
export async function* eventsOf(
  response: Response,
): AsyncGenerator<{ readonly event: string; readonly data: unknown }> {
  if (response.body === null) return;
  let text = '';
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const [, event, data] = /^event: (.*)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
      text = text.slice(end + 2);
      if (event !== undefined && data !== undefined) yield { event, data: JSON.parse(data) as unknown };
    }
  }
}
