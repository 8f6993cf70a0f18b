import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseThreads, imagesInFlight } from '../../../src/child/engine/thread-count.js';

describe('engine threads', () => {
  it('are one per core on a CPU', () => {
    expect(chooseThreads('cpu', null)).toEqual({ threads: availableParallelism(), intraOpThreads: 1 });
  });

  it('are two on a GPU', () => {
    expect(chooseThreads('cuda', null)).toEqual({ threads: 2, intraOpThreads: 1 });
  });

  it.each(['cpu', 'cuda'] as const)('are as many as configured, on %s', (provider) => {
    expect(chooseThreads(provider, 5).threads).toBe(5);
  });

  it('work on more images at once on a GPU, which computes several in one run', () => {
    expect([imagesInFlight('cpu'), imagesInFlight('cuda')]).toEqual([2, 8]);
  });
});
