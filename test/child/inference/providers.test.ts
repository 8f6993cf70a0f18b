import { describe, expect, it } from 'vitest';
import { chooseProviders } from '../../../src/child/inference/providers.js';
import { CPU, GPU } from '../../support/devices.js';

describe('execution providers', () => {
  it.each([
    ['a GPU tries CUDA, and then the processors', GPU, 'auto', ['cuda', 'cpu']],
    ['the processors try nothing else', CPU, 'auto', ['cpu']],
    ['one that was asked for by name has no second', GPU, 'cuda', ['cuda']],
    ['a GPU can be left alone', GPU, 'cpu', ['cpu']],
    ['CUDA is tried where nobody has seen a GPU, if it is asked for', CPU, 'cuda', ['cuda']],
  ] as const)('%s', (_, device, wanted, expected) => {
    expect(chooseProviders(device, wanted)).toEqual(expected);
  });
});
