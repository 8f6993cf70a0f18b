import { expect, test } from 'vitest';
import type { FleetSample, WorkerView } from '../../../../src/dashboard/api/api.js';
import {
  countActivities,
  groupByMachine,
  latestLatency,
  searchesPerMinute,
} from '../../../../src/dashboard/web/lib/fleet-summary.js';

const worker = (hostname: string, index: number, over: Partial<WorkerView> = {}) =>
  ({
    id: `${hostname}_gpu${index}`,
    hostname,
    activity: 'idle',
    heartbeat_age: 1,
    cpu_percent: 10,
    ram_percent: 20,
    ram_available_gb: 30,
    ...over,
  }) as WorkerView;

const sample = (at: number, over: Partial<FleetSample> = {}): FleetSample => ({
  at,
  waiting: 0,
  active: 0,
  done: 0,
  failed: 0,
  p50: null,
  p95: null,
  ...over,
});

test('workers are grouped by machine and sorted as a person counts', () => {
  const machines = groupByMachine([worker('b', 0), worker('a', 10), worker('a', 2)]);
  expect(machines.map(({ hostname, workers }) => [hostname, workers.map(({ id }) => id)])).toEqual([
    ['a', ['a_gpu2', 'a_gpu10']],
    ['b', ['b_gpu0']],
  ]);
});

test("a machine's own figures come from its freshest worker", () => {
  const [machine] = groupByMachine([
    worker('a', 0, { heartbeat_age: 500, cpu_percent: 99 }),
    worker('a', 1, { heartbeat_age: 2, cpu_percent: 40 }),
  ]);
  expect(machine?.cpuPercent).toBe(40);
});

test('a machine is away when all its workers are', () => {
  const away = { activity: 'away' } as const;
  expect(groupByMachine([worker('a', 0, away), worker('a', 1, away)])[0]?.away).toBe(true);
  expect(groupByMachine([worker('a', 0, away), worker('a', 1)])[0]?.away).toBe(false);
});

test('every activity is counted, those that nobody has too', () => {
  const counts = countActivities([worker('a', 0), worker('a', 1, { activity: 'trouble' })]);
  expect(counts).toEqual({ trouble: 1, busy: 0, idle: 1, waiting: 0, away: 0 });
});

test('searches per minute count what ended in the minute before, failures too', () => {
  const samples = [sample(0, { done: 7 }), sample(30, { done: 2, failed: 1 }), sample(60, { done: 5 })];
  expect(searchesPerMinute(samples)).toEqual([
    { at: 0, value: 7 },
    { at: 30, value: 10 },
    { at: 60, value: 8 },
  ]);
});

test('searches per minute fall to nothing after a gap', () => {
  expect(searchesPerMinute([sample(0, { done: 7 }), sample(500)]).at(-1)?.value).toBe(0);
});

test('the latest latency is the newest that is known', () => {
  expect(latestLatency([sample(0, { p50: 1, p95: 2 }), sample(5)])).toMatchObject({ p50: 1, p95: 2 });
  expect(latestLatency([sample(0)])).toBeNull();
});
