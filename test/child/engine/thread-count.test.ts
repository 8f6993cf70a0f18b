import { availableParallelism } from 'node:os';
import { describe, expect, it } from 'vitest';
import { chooseThreads, imagesInFlight } from '../../../src/child/engine/thread-count.js';

describe('engine threads', () => {
  it('are as many as the processors, on a CPU', () => {
    expect(chooseThreads('cpu', null)).toEqual({ threads: availableParallelism(), intraOpThreads: 1 });
  });

  it('are two on a GPU: one prepares a picture while the card works on the other', () => {
    expect(chooseThreads('cuda', null)).toEqual({ threads: 2, intraOpThreads: 1 });
  });

  it.each(['cpu', 'cuda'] as const)('are as many as were asked for, on %s', (provider) => {
    expect(chooseThreads(provider, 5).threads).toBe(5);
  });

  it('have more pictures in flight on a GPU, whose runs they share', () => {
    expect([imagesInFlight('cpu'), imagesInFlight('cuda')]).toEqual([2, 8]);
  });
});
