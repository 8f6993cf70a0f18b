import { randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Job, type JobsOptions, Queue, QueueEvents, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { vi } from 'vitest';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { writeTinyModels } from '../../scripts/tiny/models.mjs';
import { drawScene } from '../../scripts/tiny/scene.mjs';
import { loadConfig } from '../../src/shared/config.js';
import { openRedis } from '../../src/shared/open-redis.js';
import type { WorkerRecord } from '../../src/shared/worker-record.js';
import { type ProcessLimits, type SupervisorProcess, startSupervisorProcess } from './supervisor-process.js';

/** Whether everything in it has happened by then is for the test to say; this is for a machine that is busy. */
const PATIENCE = { timeout: 40_000, interval: 50 };

/** A real Redis, tiny models, drawn photos, and as many supervisors as a test starts. */
export interface Testbed {
  /** What a program needs to find this testbed's Redis, photos and models. */
  readonly environment: Readonly<Record<string, string>>;
  readonly redis: Redis;
  readonly server: RedisServer;
  readonly queue: Queue;
  readonly events: QueueEvents;
  /** A supervisor with one CPU child, unless the environment says otherwise. */
  supervisor(environment?: Record<string, string>, limits?: ProcessLimits): Promise<SupervisorProcess>;
  add(data: object, options?: JobsOptions): Promise<Job>;
  /** Takes the next job in the name of whoever owns the lock token. */
  takeJob(token: string): Promise<void>;
  record(workerId: string): Promise<WorkerRecord | null>;
  /** The record, once `accept` takes it. */
  recorded(workerId: string, accept: (record: WorkerRecord) => boolean): Promise<WorkerRecord>;
  /** Resolves once the job is in the state. */
  inState(job: Job, state: string): Promise<void>;
  close(): Promise<void>;
}

/** Persons 0 to 5 stand in the photos p0.png to p5.png of the stage `Day-1/Morning`. */
export const STAGE = 'Day-1/Morning';

/** The Redis of a testbed, if it is not a server of its own. */
export interface TestbedRedis {
  /** The settings that lead to it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: () => Promise<void>;
}

export async function createTestbed(other?: TestbedRedis): Promise<Testbed> {
  const directory = await mkdtemp(path.join(tmpdir(), 'testbed-'));
  const models = path.join(directory, 'models');
  const gallery = path.join(directory, 'gallery');
  await writeTinyModels(models);
  await mkdir(path.join(gallery, STAGE), { recursive: true });
  await Promise.all(
    [0, 1, 2, 3, 4, 5].map(async (person) => {
      await writeFile(path.join(gallery, STAGE, `p${person}.png`), await drawPerson(person));
    }),
  );
  const server = other === undefined ? await startRedisServer({ appendOnly: true }) : null;
  const redisEnvironment = other?.environment ?? { REDIS_PORT: String(server?.port) };
  const config = loadConfig(redisEnvironment, directory);
  const open = (): Redis => openRedis(config.redis, { retryStrategy: () => 50 });
  const [redis, connection, eventsConnection] = [open(), open(), open()];
  const { prefix } = config.queue;
  const queue = new Queue('face-search', { connection, prefix });
  const events = new QueueEvents('face-search', { connection: eventsConnection, prefix });
  // Redis is away in some tests, and back later.
  for (const client of [redis, connection, eventsConnection]) client.on('error', () => undefined);
  queue.on('error', () => undefined);
  events.on('error', () => undefined);
  await events.waitUntilReady();
  const supervisors: SupervisorProcess[] = [];

  const record = async (workerId: string): Promise<WorkerRecord | null> => {
    const text = await redis.hget('workers', workerId);
    return text === null ? null : (JSON.parse(text) as WorkerRecord);
  };

  const environment = {
    ...redisEnvironment,
    MODELS_DIR: models,
    MODEL_PACK: 'tiny',
    GALLERY_DIR: gallery,
  };

  return {
    environment,
    redis,
    get server() {
      if (server === null) throw new Error('This testbed has no server of its own');
      return server;
    },
    queue,
    events,
    supervisor: async (more = {}, limits = {}) => {
      const settings = {
        ...environment,
        WORKER_HOSTNAME: 'host',
        ENGINE_THREADS: '1',
        HEARTBEAT_INTERVAL_MS: '250',
        DASHBOARD_PORT: 'off',
        USE_CPU: '1',
        ...more,
      };
      const supervisor = await startSupervisorProcess(settings, limits);
      supervisors.push(supervisor);
      return supervisor;
    },
    add: (data, options) => queue.add('search', data, options),
    takeJob: async (token) => {
      const worker = new Worker('face-search', null, { connection, prefix, autorun: false });
      worker.on('error', () => undefined);
      await worker.getNextJob(token, { block: false });
      await worker.close(true);
    },
    record,
    recorded: (workerId, accept) =>
      vi.waitFor(async () => {
        const found = await record(workerId);
        if (found === null || !accept(found)) throw new Error(`The record is ${JSON.stringify(found)}`);
        return found;
      }, PATIENCE),
    inState: (job, state) =>
      vi.waitFor(async () => {
        const current = await job.getState();
        if (current !== state) throw new Error(`The job is ${current}`);
      }, PATIENCE),
    close: async () => {
      await Promise.all(supervisors.map((supervisor) => supervisor.dispose()));
      await events.close();
      await queue.close();
      redis.disconnect();
      for (const client of [connection, eventsConnection]) client.disconnect();
      await (other ?? server)?.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** A photo of one person, PNG. */
export function drawPerson(person: number): Promise<Buffer> {
  return drawScene({ widthPx: 480, heightPx: 480, faces: [{ person, x: 150, y: 180, sizePx: 160 }] });
}

export async function selfieOf(person: number): Promise<string> {
  return (await drawPerson(person)).toString('base64');
}

/** A gallery that keeps a worker busy for seconds: one photo over and over, each a little different in its bytes. */
export async function slowJob(person: number, photos = 400): Promise<object> {
  const photo = await drawPerson(person);
  const run = randomUUID();
  const gallery = Array.from({ length: photos }, (_, i) => ({
    id: `copy-${i}`,
    // What follows a PNG's end is not looked at, but makes it a photo that nobody has seen before.
    image: Buffer.concat([photo, Buffer.from(`${run} ${i}`)]).toString('base64'),
  }));
  return { image: await selfieOf(person), gallery };
}
