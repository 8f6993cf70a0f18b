import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseNvidiaGpus, queryNvidiaGpus } from '../../src/supervisor/nvidia-smi.js';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, readNvidiaFixture } from '../support/fake-nvidia-smi.js';

describe('what nvidia-smi prints', () => {
  it('is no GPU where it found none', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('no-gpu'))).toEqual([]);
  });

  it('describes one GPU, an idle one with zeros', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('one-gpu'))).toEqual([
      {
        device: {
          kind: 'nvidia',
          index: 0,
          uuid: 'GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01',
          name: 'NVIDIA H100 80GB HBM3',
          memoryTotalMb: 81_559,
          pciBusId: '00000000:00:05.0',
          driverVersion: '580.159.04',
        },
        memoryUsedMb: 0,
        memoryFreeMb: 81_079,
        utilizationPercent: 0,
        temperatureC: 31,
      },
    ]);
  });

  it.each([
    ['two-gpus', [0, 1]],
    ['eight-gpus', [0, 1, 2, 3, 4, 5, 6, 7]],
  ])('lists every GPU of %s', async (fixture, indices) => {
    const gpus = parseNvidiaGpus(await readNvidiaFixture(fixture));
    expect(gpus.map((gpu) => gpu.device.index)).toEqual(indices);
    expect(new Set(gpus.map((gpu) => gpu.device.uuid)).size).toBe(indices.length);
  });

  it('is null for every field that the driver does not tell, and keeps the GPU', async () => {
    const [virtual, lost] = parseNvidiaGpus(await readNvidiaFixture('not-available-fields'));
    expect(virtual).toMatchObject({
      memoryUsedMb: 0,
      memoryFreeMb: null,
      utilizationPercent: null,
      temperatureC: null,
    });
    expect(lost).toMatchObject({
      device: { index: 1, memoryTotalMb: null, pciBusId: null },
      memoryUsedMb: null,
      utilizationPercent: null,
    });
  });

  it('leaves out an error text between the rows', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('device-handle-error'))).toHaveLength(1);
  });
});

describe('asking nvidia-smi', () => {
  let fake: FakeNvidiaSmi;
  beforeEach(async () => {
    fake = await createFakeNvidiaSmi();
    vi.stubEnv('PATH', fake.path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await fake.remove();
  });

  it('takes one process for all GPUs', async () => {
    await fake.answer(await readNvidiaFixture('eight-gpus'));
    const answer = await queryNvidiaGpus();
    expect(answer.kind === 'gpus' && answer.gpus.length).toBe(8);
    expect(await fake.calls()).toBe(1);
  });

  it('tells the error text and the exit code', async () => {
    await fake.answer(await readNvidiaFixture('driver-error'), 9);
    const answer = await queryNvidiaGpus();
    expect(answer).toMatchObject({ kind: 'error' });
    expect(answer.kind === 'error' && answer.reason).toMatch(/code 9: NVIDIA-SMI has failed/);
  });

  it('gives up one that hangs', async () => {
    await fake.hang();
    expect(await queryNvidiaGpus(200)).toEqual({
      kind: 'error',
      reason: 'nvidia-smi did not answer within 0.2 s',
    });
  });

  it('knows that there is none', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(await queryNvidiaGpus()).toEqual({ kind: 'absent' });
  });
});
