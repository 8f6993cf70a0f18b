import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { FleetEvent, Search } from '../../src/dashboard/api/api.js';
import { EXIT_CODES } from '../../src/shared/exit-codes.js';
import { eventsOf } from '../support/dashboard-harness.js';
import { createFakeNvidiaSmi, fakeGpus } from '../support/fake-nvidia-smi.js';
import { isAlive } from '../support/is-alive.js';
import type { LogLine, SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, drawPerson, selfieOf, slowJob, STAGE, type Testbed } from '../support/testbed.js';

const DASHBOARD = fileURLToPath(new URL('../../dist/dashboard.js', import.meta.url));

let bed: Testbed;
beforeEach(async () => {
  bed = await createTestbed();
});
afterEach(() => bed.close());

const online = ({ status }: { status: string }): boolean => status === 'online';
const isUp = (line: LogLine): boolean => line.msg.startsWith('The dashboard is at ');

/** A supervisor with its dashboard, at any port that is free. */
async function start(
  more: Record<string, string> = {},
): Promise<{ supervisor: SupervisorProcess; url: string }> {
  const supervisor = await bed.supervisor({ DASHBOARD_PORT: '0', ...more });
  const { url } = await supervisor.line(isUp);
  return { supervisor, url: String(url) };
}

async function search(url: string, person: number, stage = STAGE): Promise<Search> {
  const form = new FormData();
  form.set('stage', stage);
  form.set('image', new Blob([new Uint8Array(await drawPerson(person))]), 'me.png');
  const response = await fetch(`${url}/api/searches`, { method: 'POST', body: form });
  return (await response.json()) as Search;
}

const post = (url: string): Promise<Response> => fetch(url, { method: 'POST' });

describe('the dashboard of a supervisor', () => {
  it('answers a selfie with the photos that show the person', async () => {
    const { url } = await start();
    const { id } = await search(url, 3);
    const seen: string[] = [];
    let result: Search | null = null;
    for await (const { event, data } of eventsOf(await fetch(`${url}/api/searches/${id}/events`))) {
      seen.push(event);
      if (event === 'result') result = data as Search;
    }
    expect(seen.at(-1)).toBe('result');
    expect(result?.matches?.map((match) => match.id)).toEqual([`${STAGE}/p3.png`]);
    const [match] = result?.matches ?? [];
    expect(match?.score).toBeGreaterThan(0.6);
    expect(match?.box?.width).toBeGreaterThan(0.1);
    const photo = await fetch(`${url}${match?.photo}`);
    expect(photo.headers.get('content-type')).toBe('image/jpeg');
    const { durations, jobs_processed } = await bed.recorded(
      'host_cpu0',
      (record) => record.jobs_processed === 1,
    );
    expect(jobs_processed).toBe(1);
    expect(durations.total.sum).toBeGreaterThan(0);
  });

  it('tells a selfie without a face as the job’s own failure', async () => {
    const { url } = await start();
    const form = new FormData();
    form.set('stage', STAGE);
    form.set('image', new Blob(['not a picture']), 'me.png');
    const added = (await (
      await fetch(`${url}/api/searches`, { method: 'POST', body: form })
    ).json()) as Search;
    const news = [];
    for await (const one of eventsOf(await fetch(`${url}/api/searches/${added.id}/events`))) news.push(one);
    expect(news.at(-1)).toMatchObject({ event: 'failure', data: { error: { code: 'INVALID_IMAGE' } } });
  });

  it('cancels a search that runs', async () => {
    const { url } = await start();
    const job = await bed.add(await slowJob(1));
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    expect((await fetch(`${url}/api/searches/${job.id}`, { method: 'DELETE' })).status).toBe(204);
    await bed.inState(job, 'failed');
    const failed = (await (await fetch(`${url}/api/searches/${job.id}`)).json()) as Search;
    expect(failed.error?.code).toBe('CANCELLED');
  });

  it('pauses and resumes a worker, and everybody who watches sees it', async () => {
    const { url } = await start();
    await bed.recorded('host_cpu0', online);
    const news = eventsOf(await fetch(`${url}/api/events`));
    const seen = async (status: string): Promise<void> => {
      for await (const { event, data } of news) {
        if (event === 'fleet' && (data as FleetEvent).workers[0]?.status === status) return;
      }
    };
    await post(`${url}/api/workers/host_cpu0/pause`);
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    const job = await bed.add({ image: await selfieOf(1), stage: STAGE });
    // A fetch that was under way may still bring it, and the worker gives it back.
    await bed.inState(job, 'waiting');
    await post(`${url}/api/workers/host_cpu0/resume`);
    await seen('online');
    await job.waitUntilFinished(bed.events);
  });

  it('restarts one worker and leaves the others alone, or all of them in turn', async () => {
    const smi = await createFakeNvidiaSmi();
    onTestFinished(() => smi.remove());
    await smi.answer(await fakeGpus(2));
    const { supervisor, url } = await start({ PATH: smi.path, USE_CPU: '0', EXECUTION_PROVIDER: 'cpu' });
    const first = await bed.recorded('host_gpu0', online);
    const second = await bed.recorded('host_gpu1', online);
    expect((await post(`${url}/api/workers/host_gpu1/restart`)).status).toBe(202);
    await bed.recorded('host_gpu1', (record) => online(record) && record.pid !== second.pid);
    expect((await bed.recorded('host_gpu0', online)).pid).toBe(first.pid);
    expect((await post(`${url}/api/machines/host/restart`)).status).toBe(202);
    await supervisor.line(({ msg }) => msg === 'Rolling restart done');
    const { last_roll, restarts } = await bed.recorded(
      'host_gpu0',
      (record) => online(record) && record.pid !== first.pid && record.last_roll !== null,
    );
    expect(last_roll).toMatchObject({ outcome: 'done', replaced: 2 });
    expect(restarts).toBe(0);
  });

  it('comes back when it is killed, and no job notices', async () => {
    const { supervisor } = await start();
    const job = await bed.add(await slowJob(1, 60));
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    const { pid } = await supervisor.line(isUp);
    const seen = supervisor.lines.length;
    process.kill(Number(pid), 'SIGKILL');
    const { url } = await supervisor.line(isUp, seen);
    expect((await fetch(`${String(url)}/healthz`)).status).toBe(200);
    await job.waitUntilFinished(bed.events);
    expect((await bed.recorded('host_cpu0', online)).restarts).toBe(0);
  });

  it('comes back with a rolling restart, and goes with the supervisor', async () => {
    const { supervisor } = await start();
    await bed.recorded('host_cpu0', online);
    const { pid: first } = await supervisor.line(isUp);
    const seen = supervisor.lines.length;
    supervisor.signal('SIGHUP');
    const { pid: second } = await supervisor.line(isUp, seen);
    expect(isAlive(Number(first))).toBe(false);
    supervisor.signal('SIGTERM');
    expect(await supervisor.exited).toEqual({ code: 0, signal: null });
    expect(isAlive(Number(second))).toBe(false);
  });

  it('does not outlive a supervisor that is killed', async () => {
    const { supervisor } = await start();
    const { pid } = await supervisor.line(isUp);
    supervisor.signal('SIGKILL');
    await supervisor.exited;
    await expect.poll(() => isAlive(Number(pid)), { timeout: 10_000 }).toBe(false);
  });

  it.each([0, 100, 300, 1000])('does not outlive one that is gone %i ms after it was started', async (ms) => {
    const dashboard = fork(DASHBOARD, { env: { ...bed.environment, DASHBOARD_PORT: '0' }, stdio: 'ignore' });
    setTimeout(() => dashboard.disconnect(), ms);
    expect(await once(dashboard, 'exit')).toEqual([0, null]);
  });

  it('is not needed by any worker: a port in use is logged, and jobs are answered', async () => {
    const { url } = await start();
    const second = await bed.supervisor({ WORKER_HOSTNAME: 'second', DASHBOARD_PORT: new URL(url).port });
    const line = await second.line(({ msg }) =>
      msg.startsWith(`The dashboard exited with code ${EXIT_CODES.addressTaken}`),
    );
    expect(line.msg).toMatch(
      /Port \d+ of 127\.0\.0\.1 is in use, perhaps by another dashboard; set DASHBOARD_PORT/,
    );
    await bed.recorded('second_cpu0', online);
  });

  it('does not start for others without a token, and nor does the supervisor', async () => {
    const supervisor = await bed.supervisor({ DASHBOARD_HOST: '0.0.0.0', DASHBOARD_PORT: '0' });
    expect(await supervisor.exited).toEqual({ code: EXIT_CODES.badConfig, signal: null });
    expect(supervisor.lines.map(({ msg }) => msg).join('\n')).toContain('DASHBOARD_TOKEN must be set');
  });
});
