import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { countOf, SEARCH_STAGES } from '../../src/shared/durations.js';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { isAlive } from '../support/is-alive.js';
import { createTestbed, selfieOf, slowJob, STAGE, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';

let bed: Testbed;
beforeEach(async () => {
  bed = await createTestbed();
});
afterEach(() => bed.close());

describe('a machine without GPUs', () => {
  it('answers a job, and writes the record of its CPU worker', async () => {
    const supervisor = await bed.supervisor();
    const job = await bed.add({ image: await selfieOf(3), stage: STAGE, uid: 'student-1' });
    const matches = (await job.waitUntilFinished(bed.events)) as { id: string; score: number }[];
    expect(matches.map(({ id }) => id)).toEqual([`${STAGE}/p3.png`]);
    expect(matches[0]?.score).toBeGreaterThan(0.9);

    const record = await bed.recorded('host_cpu0', ({ jobs_processed }) => jobs_processed === 1);
    expect(record).toMatchObject({
      id: 'host_cpu0',
      hostname: 'host',
      status: 'online',
      use_cpu: true,
      provider: 'cpu',
      engine: expect.stringMatching(/^onnxruntime-node .*, tiny$/),
      current_job: null,
      restarts: 0,
      last_exit: null,
    });
    expect(isAlive(record.pid ?? 0)).toBe(true);
    expect(record.cpu_percent).toBeGreaterThanOrEqual(0);
    expect(Math.abs(Date.now() / 1000 - record.last_heartbeat)).toBeLessThan(5);

    supervisor.signal('SIGTERM');
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    expect(await bed.record('host_cpu0')).toMatchObject({ status: 'offline', jobs_processed: 1, pid: null });
  });

  it('finishes the running job before it stops', async () => {
    const supervisor = await bed.supervisor();
    const job = await bed.add(await slowJob(1, 60));
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    supervisor.signal('SIGTERM');
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    expect(await job.getState()).toBe('completed');
  });

  it.each([
    ['at the deadline', { SHUTDOWN_TIMEOUT_MS: '300' }, 1],
    ['at a second signal', { SHUTDOWN_TIMEOUT_MS: '60000' }, 2],
  ])('returns the running job to the queue %s', async (_when, environment, signals) => {
    const supervisor = await bed.supervisor(environment);
    const job = await bed.add(await slowJob(1), { attempts: 2 });
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    supervisor.signal('SIGTERM');
    if (signals === 2) {
      await supervisor.line(({ msg }) => msg === 'Received SIGTERM: stop');
      supervisor.signal('SIGINT');
    }
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    expect(await job.getState()).toBe('waiting');
    expect((await bed.queue.getJob(job.id ?? ''))?.attemptsMade).toBe(0);
  });
});

describe('a machine whose Redis is unreachable', () => {
  it('stops at the deadline and does not wait for Redis', async () => {
    const supervisor = await bed.supervisor({ SHUTDOWN_TIMEOUT_MS: '300' });
    const job = await bed.add(await slowJob(1));
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    await bed.server.halt('SIGKILL');
    supervisor.signal('SIGTERM');
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    await bed.server.start();
    await bed.inState(job, 'active');
    const said = supervisor.lines.map(({ msg }) => msg).join('\n');
    expect(said).toContain('Child exited as requested');
    expect(said).toContain('Redis is unreachable: cannot write the last records');
  });
});

describe('a child that dies', () => {
  it('has its job returned within a second, and a successor with the same id', async () => {
    const supervisor = await bed.supervisor();
    const first = await bed.add({ image: await selfieOf(2), stage: STAGE });
    await first.waitUntilFinished(bed.events);
    const job = await bed.add(await slowJob(1, 100));
    const { pid } = await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    process.kill(pid ?? 0, 'SIGKILL');
    await supervisor.line(({ msg }) => msg.startsWith('Gave a job of a dead child back'));
    const record = await bed.recorded('host_cpu0', (next) => next.status === 'online' && next.pid !== pid);
    expect(record).toMatchObject({
      restarts: 1,
      jobs_processed: 1,
      last_exit: { signal: 'SIGKILL', planned: false },
    });
    await job.waitUntilFinished(bed.events);
    // The figures include those of the dead child.
    const { durations } = await bed.recorded('host_cpu0', (next) => next.jobs_processed === 2);
    expect(SEARCH_STAGES.map((stage) => countOf(durations[stage]))).toEqual([2, 2, 2, 2, 2]);
    expect(durations.run.sum).toBeLessThanOrEqual(durations.total.sum);
    expect(durations.selfie.sum).toBeGreaterThan(0);
  });

  it('does not take down the job beside the one that crashes its workers', async () => {
    const supervisor = await bed.supervisor();
    const poison = await bed.add(await slowJob(1));
    const innocent = await bed.add(await slowJob(2, 30));
    for (let crash = 1; crash <= 3; crash += 1) {
      const { pid } = await bed.recorded(
        'host_cpu0',
        (record) => record.current_job === poison.id && record.restarts === crash - 1,
      );
      process.kill(pid ?? 0, 'SIGKILL');
    }
    await supervisor.line(({ msg }) => msg.startsWith('Failed a job'));
    await innocent.waitUntilFinished(bed.events);
    await bed.inState(poison, 'failed');
    const failed = await bed.queue.getJob(poison.id ?? '');
    expect(failed?.failedReason).toMatch(/^CRASHED_WORKER: /);
  });

  it('is replaced if an engine thread dies, and the job is not blamed', async () => {
    const preload = new URL('../fixtures/dying-engine-thread.mjs', import.meta.url).href;
    const trigger = path.join(await mkdtemp(path.join(tmpdir(), 'thread-')), 'die');
    onTestFinished(() => rm(path.dirname(trigger), { recursive: true }));
    await bed.supervisor({ NODE_OPTIONS: `--import=${preload}`, THREAD_DIES_WITH: trigger });
    const job = await bed.add(await slowJob(1, 60), { attempts: 1 });
    const { pid } = await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    await writeFile(trigger, '');
    const record = await bed.recorded('host_cpu0', (next) => next.status === 'online' && next.pid !== pid);
    expect(record.last_exit).toMatchObject({
      code: EXIT_CODES.engineDied,
      planned: false,
      error: expect.stringMatching(/engine thread/i),
    });
    await job.waitUntilFinished(bed.events);
  });

  it('is replaced if it stops answering', async () => {
    await bed.supervisor({ PING_TIMEOUT_MS: '1000' });
    const { pid } = await bed.recorded('host_cpu0', online);
    process.kill(pid ?? 0, 'SIGSTOP');
    const record = await bed.recorded('host_cpu0', (next) => next.status === 'online' && next.pid !== pid);
    expect(record.last_exit?.error).toMatch(/has not answered/);
  });
});

describe('a supervisor', () => {
  it('refuses to start if another one holds the lease, and names it', async () => {
    const first = await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    const second = await bed.supervisor();
    expect(await second.exited).toEqual({ code: EXIT_CODES.leaseTaken, signal: null });
    expect(second.lines.map(({ msg }) => msg).join('\n')).toContain(`(pid ${first.pid}, since `);
    expect(await bed.record('host_cpu0')).toMatchObject({ status: 'online' });
  });

  it('leaves no child behind if it is killed, and its successor takes over', async () => {
    const first = await bed.supervisor();
    const job = await bed.add(await slowJob(1));
    const { pid } = await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    first.signal('SIGKILL');
    await first.exited;
    const killedAt = performance.now();
    await bed.inState(job, 'waiting');
    await expect.poll(() => isAlive(pid ?? 0), { timeout: 10_000 }).toBe(false);
    expect(performance.now() - killedAt).toBeLessThan(10_000);
    await bed.supervisor();
    await bed.recorded('host_cpu0', (record) => record.current_job === job.id && record.pid !== pid);
  });

  it('stops if another one has taken its lease', async () => {
    const supervisor = await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    await bed.redis.set(
      'worker:{workers}:host:supervisor',
      JSON.stringify({ bootId: 'other', pid: 1, since: 1 }),
    );
    expect(await supervisor.exited).toEqual({ code: EXIT_CODES.leaseTaken, signal: null });
    expect(await bed.record('host_cpu0')).toMatchObject({ status: 'online' });
  });

  it('exits with the command to run if there are no models', async () => {
    const supervisor = await bed.supervisor({ MODELS_DIR: '/nonexistent', MODEL_PACK: 'mobilefacenet' });
    expect(await supervisor.exited).toEqual({ code: EXIT_CODES.modelsMissing, signal: null });
    expect(supervisor.lines.map(({ msg }) => msg).join('\n')).toContain('npm run models');
  });

  it('exits with a list of all invalid settings', async () => {
    const supervisor = await bed.supervisor({ REDIS_PORT: 'x', MATCH_THRESHOLD: '60' });
    expect(await supervisor.exited).toEqual({ code: EXIT_CODES.badConfig, signal: null });
    const said = supervisor.lines.map(({ msg }) => msg).join('\n');
    expect(said).toMatch(/REDIS_PORT must be.*\n.*MATCH_THRESHOLD must be/);
  });

  it('returns a job to the queue if its child never received it, because the reply was lost with the connection', async () => {
    const supervisor = await bed.supervisor({ WORKER_CONCURRENCY: '1' });
    const running = await bed.add(await slowJob(1, 60));
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === running.id);
    const token = await bed.redis.get(`${bed.queue.toKey(running.id ?? '')}:lock`);
    const stray = await bed.add({ image: await selfieOf(0), stage: STAGE });
    await bed.takeJob(token?.replace(/:\d+$/, ':9999') ?? '');
    await bed.inState(stray, 'active');
    await bed.server.restart();
    const told = await supervisor.line(({ msg }) => msg.startsWith('Gave back an orphaned job'));
    expect(told['jobId']).toBe(stray.id);
    await bed.inState(stray, 'completed');
    await bed.inState(running, 'completed');
  });

  it('waits for an unreachable Redis, logs that once, and takes jobs when it is back', async () => {
    await bed.server.halt();
    const supervisor = await bed.supervisor();
    await supervisor.line(({ msg }) => /redis/i.test(msg) && /unreachable/i.test(msg));
    await bed.server.start();
    const job = await bed.add({ image: await selfieOf(0), stage: STAGE });
    await job.waitUntilFinished(bed.events);
    const away = supervisor.lines.filter(
      ({ msg, name }) => name === 'supervisor' && /redis.*unreachable/i.test(msg),
    );
    expect(away).toHaveLength(1);
    const notLogged = supervisor.lines.filter(({ level }) => level === undefined);
    expect(notLogged).toEqual([]);
  });
});
