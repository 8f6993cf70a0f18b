import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseThreads, imagesInFlight } from '../../../src/child/engine/thread-count.js';

describe('engine threads', () => {
  it('are one per core on a CPU', () => {
    expect(chooseThreads('cpu', null)).toEqual({ threads: availableParallelism(), intraOpThreads: 1 });
  });

  it.each([
    [8, 8],
    [1, 1],
    [128, 64],
  ])("are one per core of the process's share: %s cores, %s threads", (cores, threads) => {
    expect(chooseThreads('cpu', null, cores).threads).toBe(threads);
  });

  it.each([1, 64])('are two on a GPU, with %s cores', (cores) => {
    expect(chooseThreads('cuda', null, cores)).toEqual({ threads: 2, intraOpThreads: 1 });
  });

  it.each(['cpu', 'cuda'] as const)('are as many as configured, on %s', (provider) => {
    expect(chooseThreads(provider, 5).threads).toBe(5);
  });

  it('work on more images at once on a GPU, which computes several in one run', () => {
    expect([imagesInFlight('cpu'), imagesInFlight('cuda')]).toEqual([2, 8]);
  });
});
