import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { cancelJob } from '../../src/shared/cancel-job.js';
import { createFakeNvidiaSmi, fakeGpus } from '../support/fake-nvidia-smi.js';
import type { SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, selfieOf, slowJob, STAGE, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';

let bed: Testbed;
beforeEach(async () => {
  bed = await createTestbed();
});
afterEach(() => bed.close());

const writeEnvFile = (supervisor: SupervisorProcess, text: string): Promise<void> =>
  writeFile(path.join(supervisor.directory, '.env'), text);

describe('an operator', () => {
  it('restarts all children in turn, without a gap, with SIGHUP', async () => {
    const supervisor = await bed.supervisor();
    const { pid } = await bed.recorded('host_cpu0', online);
    const job = await bed.add(await slowJob(1, 60));
    supervisor.signal('SIGHUP');
    await supervisor.line(({ msg }) => msg === 'Rolling restart done');
    const record = await bed.recorded('host_cpu0', (next) => next.last_roll !== null && next.pid !== pid);
    expect(record).toMatchObject({
      status: 'online',
      restarts: 0,
      last_roll: { outcome: 'done', replaced: 1 },
    });
    await job.waitUntilFinished(bed.events);
    expect((await bed.queue.getJob(job.id ?? ''))?.attemptsMade).toBe(1);
  });

  it('gets no rolling restart with an invalid .env', async () => {
    const supervisor = await bed.supervisor();
    const { pid } = await bed.recorded('host_cpu0', online);
    await writeEnvFile(supervisor, 'MATCH_LIMIT=many\n');
    supervisor.signal('SIGHUP');
    const record = await bed.recorded('host_cpu0', ({ last_roll }) => last_roll !== null);
    expect(record).toMatchObject({
      status: 'online',
      pid,
      last_roll: { outcome: 'refused', reason: expect.stringContaining('MATCH_LIMIT') },
    });
  });

  it('gives the new children the new settings with SIGHUP', async () => {
    const supervisor = await bed.supervisor();
    await bed.recorded('host_cpu0', ({ status, concurrency }) => status === 'online' && concurrency === 2);
    await writeEnvFile(supervisor, 'WORKER_CONCURRENCY=3\n');
    supervisor.signal('SIGHUP');
    await bed.recorded('host_cpu0', ({ last_roll, concurrency }) => last_roll !== null && concurrency === 3);
  });

  it('gets no rolling restart if settings of the supervisor itself have changed', async () => {
    const supervisor = await bed.supervisor();
    const { pid } = await bed.recorded('host_cpu0', online);
    await writeEnvFile(supervisor, 'QUEUE_NAME=another\n');
    supervisor.signal('SIGHUP');
    const record = await bed.recorded('host_cpu0', ({ last_roll }) => last_roll !== null);
    expect(record).toMatchObject({
      status: 'online',
      pid,
      last_roll: { outcome: 'refused', reason: expect.stringContaining('queue') },
    });
  });

  it('keeps the old settings if no child starts with the new ones', async () => {
    const smi = await createFakeNvidiaSmi();
    onTestFinished(() => smi.remove());
    await smi.answer(await fakeGpus(1));
    const supervisor = await bed.supervisor({ PATH: smi.path, USE_CPU: '0' });
    const { pid } = await bed.recorded('host_gpu0', online);
    await writeEnvFile(supervisor, 'EXECUTION_PROVIDER=cuda\n');
    supervisor.signal('SIGHUP');
    const rolled = await bed.recorded('host_gpu0', ({ last_roll }) => last_roll !== null);
    expect(rolled).toMatchObject({
      status: 'online',
      pid,
      last_roll: { outcome: 'failed', replaced: 0, reason: expect.stringContaining('cuda') },
    });
    process.kill(pid ?? 0, 'SIGKILL');
    await bed.recorded('host_gpu0', (record) => online(record) && record.pid !== pid);
  });

  it('pauses the machine with SIGTSTP and resumes it with SIGCONT', async () => {
    const supervisor = await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    supervisor.signal('SIGTSTP');
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    const job = await bed.add({ image: await selfieOf(0), stage: STAGE });
    const { last_heartbeat: addedAt } = await bed.recorded('host_cpu0', () => true);
    await bed.recorded('host_cpu0', ({ last_heartbeat }) => last_heartbeat >= addedAt + 2);
    expect(await job.getState()).toBe('waiting');
    supervisor.signal('SIGCONT');
    await job.waitUntilFinished(bed.events);
  });

  it("pauses one worker with the portal's key", async () => {
    await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    await bed.redis.set('worker:host_cpu0:paused', '1');
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    const job = await bed.add({ image: await selfieOf(0), stage: STAGE });
    await bed.redis.del('worker:host_cpu0:paused');
    await bed.recorded('host_cpu0', online);
    await job.waitUntilFinished(bed.events);
  });

  it('sees the paused state at once, not a heartbeat later', async () => {
    const supervisor = await bed.supervisor({ HEARTBEAT_INTERVAL_MS: '5000' });
    await supervisor.line(({ msg }) => msg === 'Worker is ready');
    await bed.redis.set('worker:host_cpu0:paused', '1');
    const { time } = await supervisor.line(({ msg }) => msg.startsWith('Worker is paused'));
    const { last_heartbeat } = await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    expect(last_heartbeat - Date.parse(time as string) / 1000).toBeLessThan(4);
  });

  it('cancels a running job', async () => {
    await bed.supervisor();
    const job = await bed.add(await slowJob(1), { attempts: 3 });
    await bed.recorded('host_cpu0', ({ current_job }) => current_job === job.id);
    await cancelJob(bed.queue, bed.redis, job.id ?? '');
    await bed.inState(job, 'failed');
    expect((await bed.queue.getJob(job.id ?? ''))?.failedReason).toMatch(/^CANCELLED: /);
  });

  it('cancels a job at the moment a worker takes it', async () => {
    await bed.supervisor();
    await bed.recorded('host_cpu0', online);
    bed.events.on('active', ({ jobId }) => void cancelJob(bed.queue, bed.redis, jobId));
    for (let person = 0; person < 6; person += 1) {
      const job = await bed.add(await slowJob(person));
      await bed.inState(job, 'failed');
      expect((await bed.queue.getJob(job.id ?? ''))?.failedReason).toMatch(/^CANCELLED: /);
    }
  });
});
