import { describe, expect, it } from 'vitest';
import {
  chooseRecycling,
  chooseReplaceOrder,
  type MemoryFacts,
} from '../../../src/supervisor/slots/memory-policy.js';

const roomy: MemoryFacts = { rssMb: 500, hostAvailableMb: 8000, gpuUsedMb: 1000, gpuFreeMb: 20_000 };
const limits = {
  shutdownTimeoutMs: 25_000,
  heartbeatIntervalMs: 5000,
  workerRecordS: 0,
  pingTimeoutMs: 15_000,
  inferenceTimeoutMs: 60_000,
  childMaxRssMb: 1000,
  gpuMaxMemoryMb: 4000,
};

describe('the order of a replacement', () => {
  it.each<[string, Partial<MemoryFacts>, string]>([
    ['starts first if both fit', {}, 'start-first'],
    ['drains first if the host has no room', { hostAvailableMb: 700 }, 'drain-first'],
    ['drains first if the GPU has no room', { gpuFreeMb: 1400 }, 'drain-first'],
    ['starts first if nothing is known', { rssMb: null, gpuUsedMb: null }, 'start-first'],
  ])('%s', (_name, facts, order) => {
    expect(chooseReplaceOrder({ ...roomy, ...facts })).toBe(order);
  });
});

describe('recycling', () => {
  it.each<[string, Partial<MemoryFacts>, string | null]>([
    ['does not apply to a child within its limits', { rssMb: 1000, gpuUsedMb: 4000 }, null],
    ['waits for the jobs of a child over its limit', { rssMb: 1001 }, 'start-first'],
    ['does not wait for a child twice over its limit', { rssMb: 2001 }, 'at-once'],
    ['applies to GPU memory too', { gpuUsedMb: 4001 }, 'start-first'],
    ['drains first if there is no room for two', { rssMb: 1500, hostAvailableMb: 1000 }, 'drain-first'],
    ['does not apply while the figures are unknown', { rssMb: null, gpuUsedMb: null }, null],
  ])('%s', (_name, facts, order) => {
    expect(chooseRecycling({ ...roomy, ...facts }, limits)).toBe(order);
  });

  it('has no limit at 0', () => {
    expect(chooseRecycling({ ...roomy, rssMb: 1e6 }, { ...limits, childMaxRssMb: 0 })).toBeNull();
  });
});
