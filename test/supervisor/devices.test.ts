import { describe, expect, it } from 'vitest';
import { type FoundDevices, findDevices, selectDevices } from '../../src/supervisor/devices.js';
import { parseNvidiaGpus } from '../../src/supervisor/nvidia-smi.js';
import { readNvidiaFixture } from '../support/fake-nvidia-smi.js';

const anyGpus = { gpuIndices: null, cpuOnly: false, cpuWorker: 'auto', scanIntervalMs: 30_000 } as const;

async function found(fixture: string): Promise<FoundDevices> {
  return findDevices({ kind: 'gpus', gpus: parseNvidiaGpus(await readNvidiaFixture(fixture)) });
}

const names = (devices: readonly { kind: string; index: number }[]): string[] =>
  devices.map(({ kind, index }) => `${kind}${index}`);

describe('the devices that get a child', () => {
  it('are all GPUs, and no CPU child beside them', async () => {
    expect(names(selectDevices(await found('two-gpus'), anyGpus))).toEqual(['nvidia0', 'nvidia1']);
  });

  it('are the CPU where there is no GPU', async () => {
    expect(names(selectDevices(await found('no-gpu'), anyGpus))).toEqual(['cpu0']);
  });

  it('are the CPU where nvidia-smi does not answer', async () => {
    const devices = await findDevices({ kind: 'error', reason: 'nvidia-smi did not answer within 5 s' });
    expect(names(selectDevices(devices, anyGpus))).toEqual(['cpu0']);
    expect(devices.problem).toMatch(/did not answer/);
  });

  it('are those that GPU_INDEX names', async () => {
    const devices = selectDevices(await found('eight-gpus'), { ...anyGpus, gpuIndices: [2, 5] });
    expect(names(devices)).toEqual(['nvidia2', 'nvidia5']);
  });

  it('are the GPUs and the CPU with CPU_WORKER=on', async () => {
    expect(names(selectDevices(await found('one-gpu'), { ...anyGpus, cpuWorker: 'on' }))).toEqual([
      'nvidia0',
      'cpu0',
    ]);
  });

  it('are the CPU alone with USE_CPU=1', async () => {
    expect(names(selectDevices(await found('two-gpus'), { ...anyGpus, cpuOnly: true }))).toEqual(['cpu0']);
  });

  it('are refused where GPU_INDEX names one that is not there', async () => {
    const devices = await found('two-gpus');
    expect(() => selectDevices(devices, { ...anyGpus, gpuIndices: [1, 3] })).toThrow(/GPU 3.*GPUs are: 0, 1/);
  });

  it('are refused where CPU_WORKER=off leaves none', async () => {
    const devices = await found('no-gpu');
    expect(() => selectDevices(devices, { ...anyGpus, cpuWorker: 'off' })).toThrow(/CPU_WORKER/);
  });
});
