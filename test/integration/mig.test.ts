import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { environmentOf } from '../support/environment-of.js';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, readNvidiaFixture } from '../support/fake-nvidia-smi.js';
import { createTestbed, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';

let bed: Testbed;
let smi: FakeNvidiaSmi;
beforeEach(async () => {
  bed = await createTestbed();
  smi = await createFakeNvidiaSmi();
  await smi.answer(await readNvidiaFixture('mig-gpus'));
  await smi.list(await readNvidiaFixture('mig-list'));
});
afterEach(async () => {
  await bed.close();
  await smi.remove();
});

const start = () => bed.supervisor({ PATH: smi.path, USE_CPU: '0', DEVICE_SCAN_INTERVAL_MS: '300' });

describe('a machine with GPUs in MIG mode', () => {
  it.runIf(process.platform === 'linux')(
    'has one worker for each instance, which sees nothing else, and none for the GPU itself',
    async () => {
      const supervisor = await start();
      const first = await bed.recorded(
        'host_gpu0mig0',
        (record) => online(record) && record.gpu_temperature !== null,
      );
      const second = await bed.recorded('host_gpu0mig1', online);
      const whole = await bed.recorded('host_gpu1', online);
      expect(first).toMatchObject({
        gpu_index: 0,
        gpu_uuid: 'MIG-0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c04',
        gpu_name: 'NVIDIA H100 80GB HBM3 MIG 1g.10gb',
        gpu_utilization: null,
        gpu_memory_used_mb: null,
        gpu_memory_free_mb: null,
        gpu_memory_total_mb: null,
        gpu_temperature: 38,
        gpu_power_watts: 130.25,
      });
      for (const { pid, gpu_uuid } of [first, second, whole])
        expect(await environmentOf(pid, 'CUDA_VISIBLE_DEVICES')).toBe(gpu_uuid);
      expect((await bed.redis.hkeys('workers')).toSorted()).toEqual([
        'host_gpu0mig0',
        'host_gpu0mig1',
        'host_gpu1',
      ]);
      await supervisor.line(({ msg }) => msg.startsWith('GPU 2 (NVIDIA H100 80GB HBM3) is in MIG mode'));
    },
  );

  it('keeps the worker of a vanished instance, and gives a new instance with its number another id', async () => {
    const supervisor = await start();
    await bed.recorded('host_gpu0mig1', online);
    const list = await readNvidiaFixture('mig-list');
    const destroyed = list.replace(/\n.*Device {2}1:.*/, '');
    await smi.list(destroyed);
    const lost = await bed.recorded('host_gpu0mig1', ({ status }) => status === 'lost');
    expect(lost).toMatchObject({
      pid: null,
      status_reason: 'The MIG instance has vanished from the machine',
    });

    await smi.list(
      `${list.replace('MIG-1b2c', 'MIG-ffff')}  MIG 7g.80gb     Device  0: (UUID: MIG-2c3d4e5f-6a7b-5c8d-9e0f-1a2b3c4d5e06)\n`,
    );
    expect(await bed.recorded('host_gpu0mig2', online)).toMatchObject({
      gpu_uuid: 'MIG-ffff3d4e-5f6a-5b7c-9d8e-0f1a2b3c4d05',
    });
    await bed.recorded('host_gpu2mig0', online);
    expect((await bed.record('host_gpu0mig0'))?.restarts).toBe(0);
    const told = supervisor.lines.filter(({ msg }) => msg.startsWith('GPU 2 '));
    expect(told).toHaveLength(1);
  });
});
