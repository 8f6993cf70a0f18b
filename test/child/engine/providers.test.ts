import { describe, expect, it } from 'vitest';
import { chooseProviders, type ProviderQuestion } from '../../../src/child/engine/providers.js';
import { CPU, GPU } from '../../support/devices.js';

const machine = (platform: NodeJS.Platform, gpus: number, arch: NodeJS.Architecture = 'x64') => ({
  platform,
  arch,
  gpus,
});

describe('execution providers', () => {
  it.each<[string, Partial<ProviderQuestion>, string[]]>([
    ['one of several GPUs tries CUDA, and then the processors', {}, ['cuda', 'cpu']],
    ['an only GPU tries WebGPU in between', { machine: machine('linux', 1) }, ['cuda', 'webgpu', 'cpu']],
    [
      'an only GPU of another maker tries WebGPU',
      { device: CPU, machine: machine('linux', 1) },
      ['webgpu', 'cpu'],
    ],
    ['WebGPU is not in the package for ARM', { machine: machine('linux', 1, 'arm64') }, ['cuda', 'cpu']],
    ['Windows tries DirectML', { machine: machine('win32', 1) }, ['dml', 'webgpu', 'cpu']],
    [
      'Windows with several GPUs has none that can be told which to use',
      { machine: machine('win32', 2) },
      ['cpu'],
    ],
    ['a Mac tries CoreML', { device: CPU, machine: machine('darwin', 1, 'arm64') }, ['coreml', 'cpu']],
    ['a machine without a GPU tries nothing else', { device: CPU, machine: machine('linux', 0) }, ['cpu']],
    [
      'a worker for the processors leaves the GPU alone',
      { device: CPU, machine: machine('linux', 1), processorsOnly: true },
      ['cpu'],
    ],
    ['one that was asked for by name has no second', { wanted: 'cuda' }, ['cuda']],
    ['TensorRT is tried on request only', { wanted: 'tensorrt' }, ['tensorrt']],
    ['a GPU can be left alone', { wanted: 'cpu' }, ['cpu']],
    [
      'CUDA is tried where nobody has seen a GPU, if it is asked for',
      { device: CPU, wanted: 'cuda' },
      ['cuda'],
    ],
  ])('%s', (_, question, expected) => {
    const usual = {
      device: GPU,
      machine: machine('linux', 2),
      wanted: 'auto',
      processorsOnly: false,
    } as const;
    expect(chooseProviders({ ...usual, ...question })).toEqual(expected);
  });
});
