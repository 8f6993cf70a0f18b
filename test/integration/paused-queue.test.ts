import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Queue, Worker } from 'bullmq';
import type { Redis } from 'ioredis';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, vi, it } from 'vitest';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { addSearch } from '../../src/dashboard/jobs/searches.js';
import { createJobRecovery } from '../../src/supervisor/recovery/job-recovery.js';
import { createOrphanedJobs } from '../../src/supervisor/recovery/orphaned-jobs.js';
import { BULLMQ_VERSIONS, connectQueueClient, type QueueClient } from '../support/queue-clients.js';
import { createQueueHarness, type QueueHarness } from '../support/queue-harness.js';
import { createScriptedEngine, type ScriptedEngine } from '../support/scripted-engine.js';
import { PLAIN_JOB, SELFIE, SLOW_JOB, startWorker, type WorkerHarness } from '../support/worker-harness.js';

/** A client of BullMQ 4 wakes no worker: ours look by themselves every 5 s. */
const PATIENCE = { timeout: 40_000, interval: 50 };

const RETRY_DELAY_MS = 1500;
const STAGE = 'Day-1';
const silent = pino({ level: 'silent' });

/** One cell of the matrix: a queue, a portal with its own version of BullMQ, a machine that has the job, and another one. */
interface Scene {
  readonly portal: QueueClient;
  readonly harness: QueueHarness;
  readonly engine: ScriptedEngine;
  readonly machine: WorkerHarness;
}

/** How a job comes back to the queue: `begin` runs before the queue is paused, `comeBack` while it is paused. */
interface Way {
  readonly begin: (scene: Scene) => Promise<void>;
  readonly comeBack: (scene: Scene) => Promise<void>;
}

const JOB = { jobId: 'the-job' };

const WAYS: Readonly<Record<string, Way>> = {
  'a child is killed': {
    begin: (scene) => takeAndDie(scene, 'dead:0'),
    comeBack: async ({ harness: { queue }, machine }) => {
      const recovery = createJobRecovery(async () => [queue], machine.redis, silent);
      const crash = { crashed: true, suspects: new Set([JOB.jobId]), description: 'The child was killed.' };
      recovery.recover({ ...crash, lockTokenPrefixes: ['dead'] });
      await recovery.settled();
    },
  },
  'a supervisor stops in the middle of it': {
    begin: startSlowJob,
    comeBack: ({ machine }) => machine.worker.drain(0),
  },
  'an engine dies': {
    begin: startSlowJob,
    comeBack: async ({ engine, machine }) => {
      engine.die();
      await vi.waitFor(() => expect(machine.steps().at(-1)).toContain('returned'), PATIENCE);
    },
  },
  'a search comes back from indexing': {
    begin: async ({ harness, engine, machine, portal }) => {
      const folder = path.join(harness.config.gallery.dir ?? '', STAGE);
      await mkdir(folder, { recursive: true });
      const photo = path.join(folder, 'slow.jpg');
      // Each gallery has its own content: the faces of a known content are not computed again.
      await writeFile(photo, photo);
      machine.worker.resume();
      await portal.add('search', { image: SELFIE, stage: STAGE }, JOB);
      await engine.held();
    },
    comeBack: async ({ engine, harness }) => {
      engine.release();
      const job = await harness.queue.getJob(JOB.jobId);
      await vi.waitFor(async () => expect(await job?.getState()).toMatch(/^(waiting|delayed)$/), PATIENCE);
    },
  },
  'its next attempt is due': {
    begin: async ({ harness, machine }) => {
      machine.worker.resume();
      const job = await harness.add(
        { image: 'fault', gallery: PLAIN_JOB.gallery },
        { ...JOB, attempts: 2, backoff: { type: 'fixed', delay: RETRY_DELAY_MS } },
      );
      await vi.waitFor(async () => expect(await job.getState()).toBe('delayed'), PATIENCE);
      await job.updateData(PLAIN_JOB);
    },
    comeBack: ({ machine: { redis }, harness: { queue } }) =>
      vi.waitFor(async () => {
        const [, score] = await redis.zrange(queue.toKey('delayed'), 0, 0, 'WITHSCORES');
        expect(Number(score ?? 0) / 0x1000).toBeLessThan(Date.now());
      }, PATIENCE),
  },
  'we add it': {
    begin: async () => {},
    comeBack: async ({ harness: { queue }, machine: { redis } }) => {
      await addSearch({ queue, redis }, { ...PLAIN_JOB, uid: 's1', stage: STAGE });
    },
  },
  'a stalled check finds it': {
    begin: async (scene) => {
      await takeAndDie(scene, 'lost:0');
      await scene.machine.redis.del(scene.harness.queue.toKey(`${JOB.jobId}:lock`));
    },
    comeBack: async ({ harness: { queue }, machine: { redis } }) => {
      const checker = new Worker(queue.name, null, {
        connection: redis,
        autorun: false,
        stalledInterval: 50,
      });
      await checker.startStalledCheckTimer();
      const job = await queue.getJob(JOB.jobId);
      await vi.waitFor(async () => {
        // Every machine may look only so often.
        await redis.del(queue.toKey('stalled-check'));
        expect(await job?.getState()).toBe('waiting');
      }, PATIENCE);
      await checker.close();
    },
  },
  'its child never received it': {
    begin: (scene) => takeAndDie(scene, 'unaware:0'),
    comeBack: async ({ harness: { queue }, machine: { redis } }) => {
      let asked = 0;
      const child = {
        ready: () => ({ lockTokenPrefixes: ['unaware'] }),
        stats: () => ({ rssMb: (asked += 1) }) as never,
        runningJobs: () => new Map(),
        allJobsKnown: () => true,
      };
      const orphaned = createOrphanedJobs(
        async () => [queue],
        redis,
        () => [child],
        silent,
      );
      await orphaned.check();
      await orphaned.check();
      orphaned.stop();
    },
  },
};

const TIMES: Readonly<Record<string, (portal: QueueClient, comeBack: () => Promise<void>) => Promise<void>>> =
  {
    'while the queue is paused': async (portal, comeBack) => {
      await portal.pause();
      await portal.add('search', PLAIN_JOB, { jobId: 'added-meanwhile' });
      await comeBack();
      await portal.resume();
    },
    'while the queue is paused, and paused again': async (portal, comeBack) => {
      await portal.pause();
      await portal.add('search', PLAIN_JOB, { jobId: 'added-meanwhile' });
      await portal.pause();
      await comeBack();
      await portal.pause();
      await portal.resume();
    },
    'after the queue was paused and resumed': async (portal, comeBack) => {
      await portal.pause();
      await portal.add('search', PLAIN_JOB, { jobId: 'added-meanwhile' });
      await portal.resume();
      await comeBack();
      await portal.resume();
    },
  };

let server: RedisServer;
let directory: string;
beforeAll(async () => {
  server = await startRedisServer();
  directory = await mkdtemp(path.join(tmpdir(), 'paused-queue-'));
});
afterAll(async () => {
  await server.stop();
  await rm(directory, { recursive: true });
});

const cells = Object.keys(BULLMQ_VERSIONS).flatMap((version) =>
  Object.keys(WAYS).flatMap((way) => Object.keys(TIMES).map((time) => ({ version, way, time }))),
);

describe.concurrent('with a portal of BullMQ', () => {
  it.each(cells)('$version, each job ends once where $way $time', async ({ version, way, time }) => {
    const harness = await createQueueHarness(server, {
      GALLERY_DIR: await mkdtemp(path.join(directory, 'gallery-')),
    });
    const portal = await connectQueueClient(version, harness.queue.name, server.port);
    const engine = createScriptedEngine();
    const machine = await startWorker(harness.config, engine);
    const otherEngine = createScriptedEngine();
    otherEngine.release();
    const other = await startWorker(harness.config, otherEngine);
    const { begin, comeBack } = WAYS[way] as Way;
    const scene = { portal, harness, engine, machine };
    try {
      await begin(scene);
      machine.worker.quiet();
      await portal.add('search', PLAIN_JOB, { jobId: 'added-before' });
      await TIMES[time]?.(portal, async () => {
        await comeBack(scene);
        other.worker.resume();
      });
      engine.release();
      other.worker.resume();
      await vi.waitFor(
        async () => expect(await unfinished(harness.queue, machine.redis)).toEqual([]),
        PATIENCE,
      );

      const ends = await endsOf(harness.queue, machine.redis);
      expect([...ends.values()]).toEqual([...ends.keys()].map(() => ['completed']));
      expect(ends.size).toBe(3);
    } finally {
      await Promise.all([machine.stop(), other.stop()]);
      await Promise.all([harness.close(), portal.close()]);
    }
  });
});

async function startSlowJob({ portal, engine, machine }: Scene): Promise<void> {
  machine.worker.resume();
  await portal.add('search', SLOW_JOB, JOB);
  await engine.held();
}

/** Takes the job with a lock of this token; nothing more is heard of its worker. */
async function takeAndDie(
  { portal, harness: { queue }, machine: { redis } }: Scene,
  token: string,
): Promise<void> {
  await portal.add('search', PLAIN_JOB, JOB);
  const worker = new Worker(queue.name, null, { connection: redis, autorun: false });
  await worker.getNextJob(token, { block: false });
  await worker.close(true);
}

/** Every job that has a hash, and is neither completed nor failed, with its state. */
async function unfinished(queue: Queue, redis: Redis): Promise<string[]> {
  const states = await Promise.all(
    (await jobIdsOf(queue, redis)).map(async (id) => [id, await queue.getJobState(id)] as const),
  );
  return states
    .filter(([, state]) => state !== 'completed' && state !== 'failed')
    .map((pair) => pair.join(': '));
}

/** By BullMQ's own stream of events: what each job that ever existed has ended with. */
async function endsOf(queue: Queue, redis: Redis): Promise<Map<string, string[]>> {
  const ends = new Map<string, string[]>();
  for (const [, fields] of await redis.xrange(queue.toKey('events'), '-', '+')) {
    const event = Object.fromEntries(
      Array.from({ length: fields.length / 2 }, (_, i) => [fields[2 * i], fields[2 * i + 1]]),
    ) as { event: string; jobId: string };
    if (event.event === 'added') ends.set(event.jobId, []);
    if (event.event === 'completed' || event.event === 'failed') ends.get(event.jobId)?.push(event.event);
  }
  return ends;
}

async function jobIdsOf(queue: Queue, redis: Redis): Promise<string[]> {
  const prefix = queue.toKey('');
  const ids: string[] = [];
  for (const key of await redis.keys(`${prefix}*`)) {
    const id = key.slice(prefix.length);
    if (
      !id.includes(':') &&
      (await redis.type(key)) === 'hash' &&
      (await redis.hexists(key, 'timestamp')) === 1
    ) {
      ids.push(id);
    }
  }
  return ids;
}
