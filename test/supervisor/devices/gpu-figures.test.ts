import { describe, expect, it } from 'vitest';
import { figuresOf } from '../../../src/supervisor/devices/gpu-figures.js';
import { parseMigInstances } from '../../../src/supervisor/devices/nvidia-devices.js';
import { devicesOf } from '../../../src/supervisor/devices/nvidia-devices.js';
import { parseNvidiaGpus } from '../../../src/supervisor/devices/nvidia-smi.js';
import { CPU } from '../../support/devices.js';
import { readNvidiaFixture } from '../../support/fake-nvidia-smi.js';

const gpus = parseNvidiaGpus(await readNvidiaFixture('mig-gpus'));
const { devices } = devicesOf(gpus, parseMigInstances(await readNvidiaFixture('mig-list')));
const byUuid = new Map(gpus.map((gpu) => [gpu.device.uuid, gpu]));
const [instance, , gpu] = devices;

describe('the figures of a device', () => {
  it('are those of its GPU', () => {
    expect(figuresOf(gpu ?? CPU, byUuid)).toMatchObject({ memoryUsedMb: 512, utilizationPercent: 11 });
  });

  it('are those of the whole GPU for a MIG instance, without memory and utilization', () => {
    const told = new Map(
      gpus.map((each) => [
        each.device.uuid,
        { ...each, memoryUsedMb: 9, memoryFreeMb: 9, utilizationPercent: 9 },
      ]),
    );
    expect(figuresOf(instance ?? CPU, told)).toMatchObject({
      device: { uuid: 'MIG-0a1b2c3d-4e5f-5a6b-8c7d-9e0f1a2b3c04', memoryTotalMb: null },
      memoryUsedMb: null,
      memoryFreeMb: null,
      utilizationPercent: null,
      temperatureC: 38,
      powerWatts: 130.25,
      powerLimitWatts: 700,
      throttleReasons: [],
      eccUncorrected: 0,
    });
  });

  it('are unknown if nvidia-smi does not list its GPU, and always for the CPU', () => {
    for (const device of [instance ?? CPU, gpu ?? CPU, CPU]) expect(figuresOf(device, new Map())).toBeNull();
    expect(figuresOf(CPU, byUuid)).toBeNull();
  });
});
