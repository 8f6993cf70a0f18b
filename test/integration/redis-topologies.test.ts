import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Redis } from 'ioredis';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { startRedisCluster, startRedisSentinel } from '../../scripts/support/redis-topology.mjs';
import { aclRule } from '../../src/shared/redis-rights.js';
import type { SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, drawPerson, selfieOf, slowJob, STAGE, type Testbed } from '../support/testbed.js';

const CLI = path.resolve(import.meta.dirname, '../../dist/cli.js');
const PATIENCE = { timeout: 30_000, interval: 50 };
const online = ({ status }: { status: string }): boolean => status === 'online';
const USER = { REDIS_USERNAME: 'worker', REDIS_PASSWORD: 'secret' };

let bed: Testbed;
afterEach(() => bed.close());

async function cli(environment: Record<string, string>, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args], {
    cwd: '/',
    env: { ...bed.environment, PATH: process.env['PATH'], ...environment },
  });
  return stdout;
}

async function dashboardOf(supervisor: SupervisorProcess) {
  const { url } = await supervisor.line(({ msg }) => msg.startsWith('The dashboard is at'));
  return async (method: string, route: string): Promise<unknown> => {
    const response = await fetch(`${String(url)}${route}`, { method });
    if (!response.ok) throw new Error(`${route}: ${response.status} ${await response.text()}`);
    return response.status === 204 ? null : response.json();
  };
}

async function expectMatch(person: number): Promise<void> {
  const job = await bed.add({ image: await selfieOf(person), stage: STAGE });
  const [best] = (await job.waitUntilFinished(bed.events, PATIENCE.timeout)) as { id: string }[];
  expect(best?.id).toBe(`${STAGE}/p${person}.png`);
}

/** Supervisor, child, dashboard, command line and portal, each doing all that it does with Redis. */
async function useEverything(environment: Record<string, string>): Promise<void> {
  const supervisor = await bed.supervisor({ ...environment, DASHBOARD_PORT: '0' });
  const { pid } = await bed.recorded('host_cpu0', online);
  const dashboard = await dashboardOf(supervisor);

  expect(await cli(environment, 'index', 'Day-1')).toContain('6 indexed now');
  await expectMatch(2);
  expect(await dashboard('GET', '/api/galleries')).toMatchObject({
    galleries: [{ indexed: 6 }, { stage: STAGE, indexed: 6 }],
  });

  await dashboard('POST', '/api/workers/host_cpu0/pause');
  await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
  const waiting = await bed.add({ image: await selfieOf(1), stage: STAGE });
  // A fetch that began before the pause takes the job once and gives it back.
  await vi.waitFor(async () => {
    if ((await waiting.getState()) === 'unknown') return;
    await dashboard('DELETE', `/api/searches/${waiting.id}`);
    throw new Error('The job is still there');
  }, PATIENCE);
  await dashboard('POST', '/api/workers/host_cpu0/resume');
  await bed.recorded('host_cpu0', online);

  const running = await bed.add(await slowJob(1));
  await bed.inState(running, 'active');
  await vi.waitFor(async () => dashboard('DELETE', `/api/searches/${running.id}`), PATIENCE);
  await bed.inState(running, 'failed');
  expect((await bed.queue.getJob(running.id ?? ''))?.failedReason).toMatch(/^CANCELLED/);

  await dashboard('POST', '/api/workers/host_cpu0/restart');
  await bed.recorded('host_cpu0', (next) => online(next) && next.pid !== pid);
  expect(await cli(environment, 'status')).toContain('host_cpu0');
  const folder = await mkdtemp(path.join(tmpdir(), 'selfie-'));
  const selfie = path.join(folder, 'selfie.png');
  await writeFile(selfie, await drawPerson(4));
  expect(await cli(environment, 'forget', '--person', selfie, '--yes')).toContain('Deleted 1 face');
  await rm(folder, { recursive: true });
  expect(await cli(environment, 'forget', 'Day-1', '--yes')).toContain('the faces of 6 photos');
  await expectMatch(3);
  const refusals = supervisor.lines.filter(({ msg }) =>
    /refuses|NOPERM|CROSSSLOT|MOVED/.test(JSON.stringify(msg)),
  );
  expect(refusals).toEqual([]);
}

describe('a Redis user', () => {
  it('with exactly the documented rights can do everything', { timeout: 90_000 }, async () => {
    bed = await createTestbed();
    const rule = aclRule({ prefix: 'bull' }).split(' ');
    await bed.redis.call('ACL', 'SETUSER', 'worker', 'on', '>secret', ...rule);
    await useEverything(USER);
  });

  it('without one of the rights makes the worker stalled until it has it', { timeout: 60_000 }, async () => {
    bed = await createTestbed();
    const rule = aclRule({ prefix: 'bull' }).split(' ');
    await bed.redis.call('ACL', 'SETUSER', 'worker', 'on', '>secret', ...rule, '-bzpopmin', '-info');
    await bed.supervisor(USER);
    const { status_reason } = await bed.recorded('host_cpu0', ({ status }) => status === 'stalled');
    expect(status_reason).toContain('"ACL SETUSER worker +bzpopmin +info"');
    await bed.redis.call('ACL', 'SETUSER', 'worker', '+bzpopmin', '+info');
    await bed.recorded('host_cpu0', online);
    await expectMatch(1);
  });
});

describe('a Redis Cluster', () => {
  it('serves supervisor, child, dashboard, command line and portal', { timeout: 90_000 }, async () => {
    const cluster = await startRedisCluster();
    bed = await createTestbed({ environment: { REDIS_CLUSTER_NODES: cluster.nodes }, stop: cluster.stop });
    const rule = [...aclRule({ prefix: '{bull}' }).split(' '), '+cluster|slots', '+cluster|info'];
    for (const port of cluster.ports) {
      const node = new Redis(port, '127.0.0.1');
      await node.call('ACL', 'SETUSER', 'worker', 'on', '>secret', ...rule);
      node.disconnect();
    }
    await useEverything(USER);
  });
});

describe('Redis Sentinel', () => {
  it('leads the workers to the new primary after a failover', { timeout: 90_000 }, async () => {
    const sentinel = await startRedisSentinel();
    bed = await createTestbed({ environment: { REDIS_SENTINELS: sentinel.sentinels }, stop: sentinel.stop });
    const supervisor = await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    await expectMatch(1);
    const from = supervisor.lines.length;
    await sentinel.killPrimary();
    await supervisor.line(({ msg }) => msg.startsWith('Redis is back'), from);
    await expectMatch(2);
    expect(await cli({}, 'status')).toContain('host_cpu0');
    const outages = supervisor.lines.filter(
      ({ msg, worker }) => worker === undefined && msg.startsWith('Redis is unreachable'),
    );
    expect(outages).toHaveLength(1);
  });
});
