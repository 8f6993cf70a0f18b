import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/child/engine/engine.js';
import { runChild } from '../../src/child/lifecycle.js';
import { StartupError } from '../../src/shared/errors.js';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { defer } from '../support/deferred.js';
import { createFakeChannel, type FakeChannel } from '../support/fake-channel.js';
import { createQueueHarness, type QueueHarness } from '../support/queue-harness.js';
import { freePort, type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { createScriptedEngine, type ScriptedEngine } from '../support/scripted-engine.js';

const PLAIN_JOB = { image: 'face:1', gallery: [{ id: 'a', image: 'face:0.9' }] };
const SLOW_JOB = { image: 'face:1', gallery: [{ id: 'a', image: 'slow' }] };
const STUCK_JOB = { image: 'face:1', gallery: [{ id: 'a', image: 'stuck' }] };

let server: RedisServer;
let portal: QueueHarness;
let supervisor: FakeChannel;
let engine: ScriptedEngine;

beforeAll(async () => {
  server = await startRedisServer();
});
afterAll(() => server.stop());
beforeEach(async () => {
  portal = await createQueueHarness(server, { LOG_LEVEL: 'silent' });
  supervisor = createFakeChannel();
  engine = createScriptedEngine();
});
afterEach(() => portal.close());

/** Runs a child in this process; `exited` settles with its exit code, or `killed`. */
function run(createEngine: () => Promise<Engine> = async () => engine) {
  const exited = defer<number | 'killed'>();
  const child = runChild({
    channel: supervisor.channel,
    createEngine,
    exit: exited.resolve,
    kill: () => exited.resolve('killed'),
  });
  return { child, exited: exited.promise };
}

function init({ quiet = false, config = portal.config } = {}): void {
  const device = { kind: 'cpu', index: 0, name: 'Processor' } as const;
  supervisor.order({ type: 'init', workerId: 'host_cpu0', device, config, cores: 2, quiet, cautious: false });
}

const leave = async (exited: Promise<number | 'killed'>) => {
  supervisor.order({ type: 'drain', timeoutMs: 0 });
  await exited;
};

describe('a child', () => {
  test('sends hello, and is ready once its engine and Redis are ready', async () => {
    const { exited } = run();
    expect(supervisor.told).toEqual([{ type: 'hello' }]);
    init();
    expect(await supervisor.hear('ready')).toEqual({
      type: 'ready',
      engine: 'scripted 1.0',
      provider: 'cpu',
      modelPack: 'scripted',
      modelLicense: 'MIT',
      providerRefusals: [],
      concurrency: 4,
      lockTokenPrefixes: [expect.stringMatching(/^[0-9a-f-]{36}$/)],
    });
    await leave(exited);
  });

  test('reports its jobs and its load', async () => {
    const { exited } = run();
    init();
    const job = await portal.add(SLOW_JOB);
    await engine.held();
    supervisor.order({ type: 'ping', seq: 7 });
    expect(await supervisor.hear('pong')).toEqual({
      type: 'pong',
      seq: 7,
      stats: {
        rssMb: expect.any(Number),
        cpuPercent: expect.any(Number),
        eventLoopDelayMaxMs: expect.any(Number),
        activeJobs: 1,
        stalledReason: null,
        inferenceSilentMs: 0,
        oomSteps: { halved: 0, shrunk: 0, onCpu: 0 },
      },
    });
    engine.release();
    expect(await supervisor.hear('job-ended')).toEqual({
      type: 'job-ended',
      queue: 'search',
      jobId: job.id,
      outcome: 'completed',
    });
    expect(supervisor.told).toContainEqual({ type: 'job-started', queue: 'search', jobId: job.id });
    await leave(exited);
  });

  test('ends a job that is cancelled during a drain', async () => {
    const { exited } = run();
    init();
    const job = await portal.add(STUCK_JOB);
    await engine.held();
    supervisor.order({ type: 'drain', timeoutMs: 60_000 });
    supervisor.order({ type: 'cancel', jobId: job.id ?? '' });
    expect(await exited).toBe(EXIT_CODES.ok);
    expect(await job.getState()).toBe('failed');
  });

  test('answers pings before it is ready', async () => {
    const { exited } = run();
    supervisor.order({ type: 'ping', seq: 1 });
    expect((await supervisor.hear('pong')).stats.activeJobs).toBe(0);
    await leave(exited);
  });

  test.each([
    ['init requests it', () => init({ quiet: true })],
    [
      'a quiet command arrives during its start',
      () => {
        init();
        supervisor.order({ type: 'quiet' });
      },
    ],
  ])('takes no jobs until it resumes if %s', async (_case, begin) => {
    const { exited } = run();
    begin();
    await supervisor.hear('ready');
    const job = await portal.add(PLAIN_JOB);
    await portal.reached(job, 'waiting');
    supervisor.order({ type: 'ping', seq: 1 });
    await supervisor.hear('pong');
    expect(supervisor.told.some((message) => message.type === 'job-started')).toBe(false);
    supervisor.order({ type: 'resume' });
    await portal.reached(job, 'completed');
    await leave(exited);
  });

  test('ends a job that is cancelled', async () => {
    const { exited } = run();
    init();
    const job = await portal.add(STUCK_JOB);
    await engine.held();
    supervisor.order({ type: 'cancel', jobId: job.id ?? '' });
    await portal.reached(job, 'failed');
    await leave(exited);
  });
});

describe('the end of a child', () => {
  test('on a drain, it finishes its jobs, stops its engine and exits with 0', async () => {
    const stop = vi.spyOn(engine, 'stop');
    const { exited } = run();
    init();
    const job = await portal.add(SLOW_JOB);
    await engine.held();
    supervisor.order({ type: 'drain', timeoutMs: 60_000 });
    engine.release();
    expect(await exited).toBe(EXIT_CODES.ok);
    await portal.reached(job, 'completed');
    expect(stop).toHaveBeenCalledOnce();
    expect(supervisor.told.some((message) => message.type === 'failing')).toBe(false);
  });

  test('a second drain can shorten the time', async () => {
    const { exited } = run();
    init();
    await portal.add(STUCK_JOB);
    await engine.held();
    supervisor.order({ type: 'drain', timeoutMs: 3_600_000 });
    supervisor.order({ type: 'drain', timeoutMs: 0 });
    expect(await exited).toBe(EXIT_CODES.ok);
    expect((await supervisor.hear('job-ended')).outcome).toBe('returned');
  });

  test('on a drain before its start, it exits with 0', async () => {
    const { exited } = run();
    supervisor.order({ type: 'drain', timeoutMs: 60_000 });
    expect(await exited).toBe(EXIT_CODES.ok);
  });

  test('on a drain while Redis is unreachable, it exits with 0 and is never ready', async () => {
    const { exited } = run();
    init({ config: { ...portal.config, redis: { ...portal.config.redis, port: await freePort() } } });
    supervisor.order({ type: 'drain', timeoutMs: 60_000 });
    expect(await exited).toBe(EXIT_CODES.ok);
    expect(supervisor.told).toEqual([{ type: 'hello' }]);
  });

  test('if the supervisor dies, the child ends after a short time for its jobs', async () => {
    const { exited } = run();
    init();
    const job = await portal.add(SLOW_JOB);
    await engine.held();
    supervisor.disconnect();
    engine.release();
    await portal.reached(job, 'completed');
    expect(await exited).toBe(EXIT_CODES.ok);
  });

  test('if the engine dies, the child gives its jobs back and reports the reason', async () => {
    const { exited } = run();
    init();
    const job = await portal.add(STUCK_JOB, { attempts: 1 });
    await engine.held();
    engine.die();
    expect(await exited).toBe(EXIT_CODES.engineDied);
    expect(await supervisor.hear('failing')).toEqual({ type: 'failing', error: 'The engine thread died.' });
    expect((await supervisor.hear('job-ended')).outcome).toBe('returned');
    expect(await job.getState()).toBe('waiting');
    expect((await portal.queue.getJob(job.id ?? ''))?.attemptsMade).toBe(0);
  });

  test('if only a new process can use the device, the child finishes its jobs and ends', async () => {
    const { exited } = run();
    init();
    const job = await portal.add({ image: 'face:1', gallery: [{ id: 'a', image: 'slow' }] }, { attempts: 1 });
    await engine.held();
    engine.exhaust();
    engine.release();
    expect(await exited).toBe(EXIT_CODES.engineDied);
    expect((await supervisor.hear('job-ended')).outcome).toBe('completed');
    expect(await supervisor.hear('failing')).toEqual({
      type: 'failing',
      error: 'The memory of the device stays exhausted',
    });
    expect(await job.getState()).toBe('completed');
  });

  test.each([
    ['with the exit code of the error', new StartupError('No model.', EXIT_CODES.modelsMissing), 66],
    ['with 1 for any other error', new Error('No memory.'), 1],
  ])('an engine that does not start ends the child %s', async (_case, error, exitCode) => {
    const { exited } = run(() => Promise.reject(error));
    init();
    expect(await exited).toBe(exitCode);
    expect(await supervisor.hear('failing')).toEqual({ type: 'failing', error: error.message });
  });

  test('an engine that does not stop does not block the exit', async () => {
    vi.spyOn(engine, 'stop').mockReturnValue(new Promise(() => {}));
    const { exited } = run();
    init();
    await supervisor.hear('ready');
    supervisor.order({ type: 'drain', timeoutMs: 0 });
    expect(await exited).toBe('killed');
  });

  test('it reports the reason of a crash and ends at once', async () => {
    const { child, exited } = run();
    init();
    await supervisor.hear('ready');
    await child.crash(new TypeError('x is not a function'));
    expect(await exited).toBe(EXIT_CODES.crash);
    expect(await supervisor.hear('failing')).toEqual({ type: 'failing', error: 'x is not a function' });
    await leave(exited);
  });
});
