import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseNvidiaGpus, queryNvidiaGpus } from '../../../src/supervisor/devices/nvidia-smi.js';
import { createFakeNvidiaSmi, type FakeNvidiaSmi, readNvidiaFixture } from '../../support/fake-nvidia-smi.js';

describe('the output of nvidia-smi', () => {
  it('has no GPU if it found none', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('no-gpu'))).toEqual([]);
  });

  it('describes one GPU, an idle one with zeros', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('one-gpu'))).toEqual([
      {
        device: {
          kind: 'nvidia',
          index: 0,
          mig: null,
          uuid: 'GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01',
          name: 'NVIDIA H100 80GB HBM3',
          memoryTotalMb: 81_559,
          pciBusId: '00000000:00:05.0',
        },
        driverVersion: '580.159.04',
        memoryUsedMb: 0,
        memoryFreeMb: 81_079,
        utilizationPercent: 0,
        temperatureC: 31,
        powerWatts: 70.12,
        powerLimitWatts: 700,
        throttleReasons: [],
        eccUncorrected: 0,
        migEnabled: false,
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

  it('gives null for each field that the driver does not report, and keeps the GPU', async () => {
    const [virtual, lost] = parseNvidiaGpus(await readNvidiaFixture('not-available-fields'));
    expect(virtual).toMatchObject({
      memoryUsedMb: 0,
      memoryFreeMb: null,
      utilizationPercent: null,
      temperatureC: null,
      powerWatts: null,
      powerLimitWatts: null,
      throttleReasons: null,
      eccUncorrected: null,
    });
    expect(lost).toMatchObject({
      device: { index: 1, memoryTotalMb: null, pciBusId: null },
      memoryUsedMb: null,
      utilizationPercent: null,
    });
  });

  it('names why the clocks are held back, unless the GPU is just idle', async () => {
    const [idle, hot] = parseNvidiaGpus(await readNvidiaFixture('two-gpus'));
    expect(idle?.throttleReasons).toEqual([]);
    expect(hot?.throttleReasons).toEqual(['power cap', 'software thermal slowdown']);
  });

  it('may have an error text between the rows', async () => {
    expect(parseNvidiaGpus(await readNvidiaFixture('device-handle-error'))).toHaveLength(1);
  });
});

describe('querying nvidia-smi', () => {
  let fake: FakeNvidiaSmi;
  beforeEach(async () => {
    fake = await createFakeNvidiaSmi();
    vi.stubEnv('PATH', fake.path);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await fake.remove();
  });

  it('needs one process for all GPUs', async () => {
    await fake.answer(await readNvidiaFixture('eight-gpus'));
    const answer = await queryNvidiaGpus();
    expect(answer.kind === 'gpus' && answer.gpus.length).toBe(8);
    expect(await fake.calls()).toBe(1);
  });

  it('returns the error text and the exit code', async () => {
    await fake.answer(await readNvidiaFixture('driver-error'), 9);
    const answer = await queryNvidiaGpus();
    expect(answer).toMatchObject({ kind: 'error' });
    expect(answer.kind === 'error' && answer.reason).toMatch(/code 9: NVIDIA-SMI has failed/);
  });

  it('queries an older driver with the older field name, and remembers it', async () => {
    await fake.refuse('clocks_event_reasons.active');
    await fake.answer(await readNvidiaFixture('two-gpus'));
    const refused = new Set<string>();

    const answer = await queryNvidiaGpus(5000, refused);

    expect(answer.kind === 'gpus' && answer.gpus[1]?.throttleReasons).toEqual([
      'power cap',
      'software thermal slowdown',
    ]);
    expect(await fake.calls()).toBe(2);
    await queryNvidiaGpus(5000, refused);
    expect(await fake.calls()).toBe(3);
  });

  it('leaves out a field that the driver does not have', async () => {
    await fake.refuse('ecc.errors.uncorrected.volatile.total');
    const [row = ''] = (await readNvidiaFixture('one-gpu')).split('\n');
    await fake.answer(row.replace(/, 0, Disabled$/, ', Disabled'));

    const answer = await queryNvidiaGpus(5000, new Set());

    expect(answer).toMatchObject({ kind: 'gpus', gpus: [{ powerWatts: 70.12, eccUncorrected: null }] });
  });

  it('fails if the driver does not have a required field', async () => {
    await fake.refuse('memory.total');
    expect(await queryNvidiaGpus(5000, new Set())).toEqual({
      kind: 'error',
      reason: 'nvidia-smi does not know the field "memory.total"',
    });
  });

  it('gives up a process that hangs', async () => {
    await fake.hang();
    expect(await queryNvidiaGpus(200)).toEqual({
      kind: 'error',
      reason: 'nvidia-smi did not answer within 0.2 s',
    });
  });

  it('reports that nvidia-smi does not exist', async () => {
    vi.stubEnv('PATH', '/nonexistent');
    expect(await queryNvidiaGpus()).toEqual({ kind: 'absent' });
  });
});
