import { expect, test } from 'vitest';
import type { FleetEvent, FleetSample } from '../../../../src/dashboard/api/api.js';
import {
  isStale,
  KEPT_SAMPLES,
  type LiveMessage,
  type LiveState,
  NOTHING_YET,
  nextLiveState,
} from '../../../../src/dashboard/web/lib/live-state.js';

const sampleAt = (at: number): FleetSample => ({
  at,
  waiting: 0,
  active: 0,
  done: 1,
  failed: 0,
  p50: null,
  p95: null,
});
const workerAt = (at: number) => ({
  at,
  utilization: 1,
  memory_used_mb: null,
  temperature: null,
  done: 0,
});
const fleetAt = (at: number, sample: FleetEvent['sample'] = null): LiveMessage => ({
  type: 'fleet',
  fleet: { at, workers: [], queues: [], sample },
  receivedAtMs: at * 1000,
});
const after = (...messages: readonly LiveMessage[]): LiveState => messages.reduce(nextLiveState, NOTHING_YET);

test('a sample is appended to the history of the fleet and of each worker', () => {
  const { history } = after(
    { type: 'history', history: { fleet: [sampleAt(5)], workers: { a: [workerAt(5)] } } },
    fleetAt(10, { fleet: sampleAt(10), workers: { a: workerAt(10), b: workerAt(10) } }),
  );
  expect(history.fleet.map(({ at }) => at)).toEqual([5, 10]);
  expect(history.workers['a']?.map(({ at }) => at)).toEqual([5, 10]);
  expect(history.workers['b']?.map(({ at }) => at)).toEqual([10]);
});

test('only the samples of ten minutes are kept', () => {
  const messages = Array.from({ length: KEPT_SAMPLES + 5 }, (_, index) =>
    fleetAt(index, { fleet: sampleAt(index), workers: { a: workerAt(index) } }),
  );
  const { history } = after(...messages);
  expect(history.fleet).toHaveLength(KEPT_SAMPLES);
  expect(history.fleet[0]?.at).toBe(5);
  expect(history.workers['a']).toHaveLength(KEPT_SAMPLES);
});

test('a sample that the history already holds is not appended again', () => {
  const { history } = after(
    { type: 'history', history: { fleet: [sampleAt(5)], workers: { a: [workerAt(5)] } } },
    fleetAt(6, { fleet: sampleAt(5), workers: { a: workerAt(5) } }),
  );
  expect(history.fleet).toHaveLength(1);
  expect(history.workers['a']).toHaveLength(1);
});

test('a lost connection keeps the figures and marks them as outdated', () => {
  const state = after(fleetAt(100), { type: 'lost' });
  expect(state.connection).toBe('broken');
  expect(state.fleet?.at).toBe(100);
  expect(isStale(state, 100_500)).toBe(true);
  expect(isStale(nextLiveState(state, fleetAt(102)), 102_500)).toBe(false);
});

test('trouble with Redis marks the figures as outdated until new ones arrive', () => {
  const problem = { code: 'REDIS_AWAY', message: 'Redis does not answer.' };
  const state = after(fleetAt(100), { type: 'trouble', problem });
  expect(state.trouble).toEqual(problem);
  expect(isStale(state, 100_500)).toBe(true);
  expect(nextLiveState(state, fleetAt(102)).trouble).toBeNull();
});

test('a history alone, as after a reconnect, does not end the trouble', () => {
  const problem = { code: 'REDIS_AWAY', message: 'Redis does not answer.' };
  const state = after({ type: 'trouble', problem }, { type: 'history', history: { fleet: [], workers: {} } });
  expect(state.trouble).toEqual(problem);
});

test('figures are outdated when no update arrives, even while the connection is open', () => {
  const state = after(fleetAt(100));
  expect(isStale(state, 102_000)).toBe(false);
  expect(isStale(state, 111_000)).toBe(true);
});

test('nothing is outdated before the first figures', () => {
  expect(isStale(NOTHING_YET, 1e12)).toBe(false);
});
