import { describe, expect, it } from 'vitest';
import {
  MAX_FALLS,
  type OomEvent,
  type OomState,
  nextOomState,
  QUIET_MS,
} from '../../../src/child/engine/oom-fallback.js';

const ROOMY: OomState = { kind: 'roomy', falls: 0 };
const noRoom = (batch: number, nowMs = 0): OomEvent => ({
  kind: 'failed',
  failure: 'no-room',
  batch,
  nowMs,
});

function walk(events: readonly OomEvent[], state = ROOMY) {
  const steps: (string | null)[] = [];
  for (const event of events) {
    const transition = nextOomState(state, event);
    state = transition.state;
    steps.push(transition.step);
  }
  return { state, steps };
}

describe('the OOM fallback', () => {
  it('halves the batch down to one, then reopens the session, then moves to the CPU', () => {
    const { state, steps } = walk([noRoom(16), noRoom(8), noRoom(4), noRoom(2), noRoom(1), noRoom(1, 500)]);
    expect(steps).toEqual(['halved', 'halved', 'halved', 'halved', 'shrunk', 'on-cpu']);
    expect(state).toEqual({ kind: 'on-cpu', quietAtMs: 500 + QUIET_MS, falls: 1 });
  });

  it('halves an odd batch downwards', () => {
    expect(walk([noRoom(3)]).state).toMatchObject({ kind: 'tight', maxBatch: 1 });
  });

  it.each([
    ['small batches', [noRoom(16, 1000)]],
    ['the CPU', [noRoom(1, 1000), noRoom(1, 1000)]],
  ] as const)('is tried with everything again after a quiet minute on %s, not before', (_, events) => {
    const { state } = walk(events);
    expect(nextOomState(state, { kind: 'asked', nowMs: 999 + QUIET_MS }).state).toBe(state);
    expect(nextOomState(state, { kind: 'asked', nowMs: 1000 + QUIET_MS }).state.kind).toBe('roomy');
  });

  it('gives up a device that is exhausted at each new attempt', () => {
    const fall = (nowMs: number) => [{ kind: 'asked', nowMs } as const, noRoom(1, nowMs), noRoom(1, nowMs)];
    const rounds = Array.from({ length: MAX_FALLS }, (_, i) => fall(i * QUIET_MS)).flat();
    const { state, steps } = walk(rounds);
    expect(steps.filter((step) => step === 'on-cpu')).toHaveLength(MAX_FALLS - 1);
    expect(steps.at(-1)).toBe('spent');
    expect(walk([{ kind: 'asked', nowMs: 1e9 }, noRoom(1)], state)).toEqual({ state, steps: [null, null] });
  });

  it('starts counting again after a successful run on the device', () => {
    const { state } = walk([{ kind: 'worked' }], { kind: 'roomy', falls: 2 });
    expect(state).toEqual(ROOMY);
  });

  it('gives up a lost device at once', () => {
    const lost: OomEvent = { kind: 'failed', failure: 'device-lost', batch: 16, nowMs: 0 };
    expect(walk([lost])).toEqual({ state: { kind: 'spent' }, steps: ['spent'] });
  });
});
