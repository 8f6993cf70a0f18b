import type { CpuDevice, NvidiaDevice } from '../../src/shared/device.js';

export const CPU: CpuDevice = { kind: 'cpu', index: 0, name: 'Processor' };

export const GPU: NvidiaDevice = {
  kind: 'nvidia',
  index: 0,
  mig: null,
  uuid: 'GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01',
  name: 'NVIDIA H100 80GB HBM3',
  memoryTotalMb: 81_559,
  pciBusId: null,
};
