import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { environmentOf } from '../support/environment-of.js';
import {
  createFakeNvidiaSmi,
  type FakeNvidiaSmi,
  fakeGpus,
  readNvidiaFixture,
} from '../support/fake-nvidia-smi.js';
import type { SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, selfieOf, STAGE, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';

let bed: Testbed;
let smi: FakeNvidiaSmi;
beforeEach(async () => {
  bed = await createTestbed();
  smi = await createFakeNvidiaSmi();
});
afterEach(async () => {
  await bed.close();
  await smi.remove();
});

const start = (environment: Record<string, string> = {}): Promise<SupervisorProcess> =>
  bed.supervisor({ PATH: smi.path, USE_CPU: '0', DEVICE_SCAN_INTERVAL_MS: '300', ...environment });

describe('a machine with GPUs', () => {
  it('has one worker for each, with its own figures, and warns that the CUDA provider is missing', async () => {
    await smi.answer(await fakeGpus(2));
    const supervisor = await start();
    const first = await bed.recorded(
      'host_gpu0',
      (record) => online(record) && record.gpu_temperature !== null,
    );
    const second = await bed.recorded('host_gpu1', online);
    expect(first).toMatchObject({
      gpu_index: 0,
      gpu_uuid: 'GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01',
      gpu_name: 'NVIDIA H100 80GB HBM3',
      gpu_memory_used_mb: 0,
      gpu_memory_total_mb: 81_559,
      gpu_utilization: 0,
      gpu_temperature: 30,
      gpu_power_watts: 70.5,
      gpu_power_limit_watts: 700,
      gpu_throttle_reasons: [],
      gpu_ecc_uncorrected: 0,
      provider: 'cpu',
      provider_refusals: [expect.objectContaining({ provider: 'cuda' })],
      oom_halved: 0,
      oom_shrunk: 0,
      oom_on_cpu: 0,
    });
    expect(second).toMatchObject({ gpu_index: 1, gpu_memory_used_mb: 512, gpu_utilization: 11 });
    expect(first.pid).not.toBe(second.pid);
    expect(await bed.record('host_cpu0')).toBeNull();
    const warnings = supervisor.lines.filter(({ msg }) => msg.includes('cannot be run on cuda'));
    expect(warnings).toHaveLength(2);
    expect(warnings[0]?.msg).toContain('ONNXRUNTIME_NODE_INSTALL=cuda12');
  });

  it('keeps the worker of a vanished GPU, and gives a new GPU its own', async () => {
    await smi.answer(await fakeGpus(2));
    await start();
    await bed.recorded('host_gpu1', online);
    await smi.answer(await fakeGpus(1));
    const lost = await bed.recorded('host_gpu1', ({ status }) => status === 'lost');
    expect(lost).toMatchObject({ pid: null, status_reason: expect.stringContaining('vanished') });
    await smi.answer(await fakeGpus(3));
    await bed.recorded('host_gpu1', online);
    await bed.recorded('host_gpu2', online);
    expect((await bed.record('host_gpu0'))?.restarts).toBe(0);
  });

  it('starts no worker before the supervisor holds the lease', async () => {
    await smi.answer(await fakeGpus(1));
    const predecessor = JSON.stringify({ bootId: 'killed', pid: 1, since: 1 });
    await bed.redis.set('worker:{workers}:host:supervisor', predecessor, 'PX', 3000);
    const supervisor = await start();
    await bed.recorded('host_gpu0', online);
    const found = supervisor.lines.filter(({ msg }) => msg === 'Device found');
    expect(found.map(({ worker }) => worker)).toEqual(['host_gpu0']);
  });

  it.runIf(process.platform === 'linux')(
    'keeps each worker on its own GPU, even if children crash and GPU indices change',
    async () => {
      const [first = '', second = '', third = ''] = (await fakeGpus(3)).trimEnd().split('\n');
      const uuids = [first, second].map((row) => row.split(', ')[1] ?? '');
      const swapped = [second.replace(/^1/, '0'), first.replace(/^0/, '1'), third];
      const seen: (string | undefined)[][] = [];
      const look = async (pids: readonly (number | null)[]): Promise<(number | null)[]> => {
        const records = await Promise.all(
          pids.map((before, k) =>
            bed.recorded(`host_gpu${k}`, (record) => online(record) && record.pid !== before),
          ),
        );
        expect(records.map(({ gpu_uuid }) => gpu_uuid)).toEqual(uuids);
        seen.push(await Promise.all(records.map(({ pid }) => environmentOf(pid, 'CUDA_VISIBLE_DEVICES'))));
        return records.map(({ pid }) => pid);
      };

      await smi.answer(`${first}\n${second}\n`);
      await start();
      let pids = await look([null, null]);
      // Whether the third GPU is listed tells that the supervisor has seen the order.
      for (const { rows, third: status } of [
        { rows: swapped, third: 'online' },
        { rows: [first, second], third: 'lost' },
        { rows: swapped, third: 'online' },
      ]) {
        await smi.answer(`${rows.join('\n')}\n`);
        await bed.recorded('host_gpu2', (record) => record.status === status);
        for (const pid of pids) process.kill(pid ?? 0, 'SIGKILL');
        pids = await look(pids);
      }

      expect(seen).toEqual([uuids, uuids, uuids, uuids]);
      expect((await bed.redis.hkeys('workers')).toSorted()).toEqual(['host_gpu0', 'host_gpu1', 'host_gpu2']);
      expect((await bed.record('host_gpu0'))?.restarts).toBe(3);
    },
  );

  it('loses no GPU if nvidia-smi fails for a while', async () => {
    await smi.answer(await fakeGpus(1));
    const supervisor = await start();
    const { pid } = await bed.recorded('host_gpu0', online);
    await smi.answer(await readNvidiaFixture('driver-error'), 9);
    await supervisor.line(({ msg }) => msg.includes('Cannot list the GPUs'));
    const record = await bed.recorded('host_gpu0', ({ gpu_temperature }) => gpu_temperature === null);
    expect(record).toMatchObject({ status: 'online', pid, gpu_memory_total_mb: 81_559 });
  });

  it('uses its CPU, with a warning, if nvidia-smi hangs', async () => {
    await smi.hang();
    const supervisor = await start();
    await supervisor.line(({ msg }) => msg.includes('nvidia-smi did not answer within 5 s'));
    await bed.recorded('host_cpu0', online);
    const job = await bed.add({ image: await selfieOf(4), stage: STAGE });
    expect(await job.waitUntilFinished(bed.events)).toHaveLength(1);
  });

  it('does not start without the configured provider', async () => {
    await smi.answer(await fakeGpus(1));
    const supervisor = await start({ EXECUTION_PROVIDER: 'cuda' });
    expect(await supervisor.exited).toEqual({ code: 69, signal: null });
  });
});
