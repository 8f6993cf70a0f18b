import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Device, workerIdOf } from '../../../src/shared/device.js';
import { type FoundDevices, findDevices, selectDevices } from '../../../src/supervisor/devices/devices.js';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, readNvidiaFixture } from '../../support/fake-nvidia-smi.js';

const anyGpus = { gpuIndices: null, cpuOnly: false, cpuWorker: 'auto', scanIntervalMs: 30_000 } as const;

let fake: FakeNvidiaSmi;
beforeEach(async () => {
  fake = await createFakeNvidiaSmi();
  vi.stubEnv('PATH', fake.path);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await fake.remove();
});

async function found(fixture: string): Promise<FoundDevices> {
  await fake.answer(await readNvidiaFixture(fixture));
  return findDevices();
}

async function migGpus(): Promise<FoundDevices> {
  await fake.list(await readNvidiaFixture('mig-list'));
  return found('mig-gpus');
}

const names = (devices: readonly Device[]): string[] => devices.map((device) => workerIdOf('host', device));

describe('the devices that get a child', () => {
  it('are all GPUs, and no CPU child beside them', async () => {
    expect(names(selectDevices(await found('two-gpus'), anyGpus))).toEqual(['host_gpu0', 'host_gpu1']);
  });

  it('are the CPU if there is no GPU', async () => {
    expect(names(selectDevices(await found('no-gpu'), anyGpus))).toEqual(['host_cpu0']);
  });

  it('are the CPU if nvidia-smi does not answer', async () => {
    await fake.answer(await readNvidiaFixture('driver-error'), 9);
    const devices = await findDevices();
    expect(names(selectDevices(devices, anyGpus))).toEqual(['host_cpu0']);
    expect(devices.problem).toMatch(/NVIDIA-SMI has failed/);
  });

  it('are the ones in GPU_INDEX', async () => {
    const devices = selectDevices(await found('eight-gpus'), { ...anyGpus, gpuIndices: [2, 5] });
    expect(names(devices)).toEqual(['host_gpu2', 'host_gpu5']);
  });

  it('are the GPUs and the CPU with CPU_WORKER=on', async () => {
    expect(names(selectDevices(await found('one-gpu'), { ...anyGpus, cpuWorker: 'on' }))).toEqual([
      'host_gpu0',
      'host_cpu0',
    ]);
  });

  it('are the CPU alone with USE_CPU=1', async () => {
    expect(names(selectDevices(await found('two-gpus'), { ...anyGpus, cpuOnly: true }))).toEqual([
      'host_cpu0',
    ]);
  });

  it('are refused if GPU_INDEX names one that does not exist', async () => {
    const devices = await found('two-gpus');
    expect(() => selectDevices(devices, { ...anyGpus, gpuIndices: [1, 3] })).toThrow(
      /GPU 3.*machine has: 0, 1/,
    );
  });

  it('are refused if CPU_WORKER=off leaves none', async () => {
    const devices = await found('no-gpu');
    expect(() => selectDevices(devices, { ...anyGpus, cpuWorker: 'off' })).toThrow(/CPU_WORKER/);
  });
});

describe('a machine with GPUs in MIG mode', () => {
  it('has a device for each instance and none for its GPU, beside the whole GPUs', async () => {
    const devices = selectDevices(await migGpus(), anyGpus);
    expect(names(devices)).toEqual(['host_gpu0mig0', 'host_gpu0mig1', 'host_gpu1']);
    expect(devices[1]).toEqual({
      kind: 'nvidia',
      index: 0,
      mig: { number: 1, gpuUuid: 'GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01' },
      uuid: 'MIG-1b2c3d4e-5f6a-5b7c-9d8e-0f1a2b3c4d05',
      name: 'NVIDIA H100 80GB HBM3 MIG 1c.3g.40gb',
      memoryTotalMb: null,
      pciBusId: '00000000:1B:00.0',
    });
  });

  it('needs two processes to list its devices, and one if no GPU is in MIG mode', async () => {
    await migGpus();
    expect(await fake.calls()).toBe(2);
    await found('eight-gpus');
    expect(await fake.calls()).toBe(3);
  });

  it('uses all instances of the GPU in GPU_INDEX', async () => {
    const devices = selectDevices(await migGpus(), { ...anyGpus, gpuIndices: [0] });
    expect(names(devices)).toEqual(['host_gpu0mig0', 'host_gpu0mig1']);
  });

  it('does not start if GPU_INDEX names a GPU without an instance, and explains how to create one', async () => {
    const devices = await migGpus();
    expect(devices.idle.map(({ index }) => index)).toEqual([2]);
    expect(() => selectDevices(devices, { ...anyGpus, gpuIndices: [1, 2] })).toThrow(
      /GPU 2 .* MIG mode .*nvidia-smi mig -i 2 -cgi <profile> -C/,
    );
  });

  it('cannot be used if its instances cannot be listed', async () => {
    expect(await found('mig-gpus')).toMatchObject({ nvidia: [], problem: expect.stringMatching(/code 1/) });
  });

  it('understands the uuids of drivers before R470', async () => {
    await fake.list(await readNvidiaFixture('mig-list-before-r470'));
    const { nvidia } = await found('mig-gpus');
    expect(nvidia.map(({ uuid }) => uuid)).toEqual([
      'MIG-GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01/7/0',
      'MIG-GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01/11/0',
      'GPU-1f8e6a52-3c77-4a0b-8a3e-2d1c5b7f9e02',
    ]);
  });
});
