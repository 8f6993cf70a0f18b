import { expect, test } from 'vitest';
import type { FleetSample, WorkerView } from '../../../../src/dashboard/api/api.js';
import {
  countModelPacks,
  countStates,
  groupByMachine,
  latestLatency,
  searchesPerMinute,
} from '../../../../src/dashboard/web/lib/fleet-summary.js';

const worker = (hostname: string, index: number, over: Partial<WorkerView> = {}) =>
  ({
    id: `${hostname}_gpu${index}`,
    hostname,
    status: 'online',
    activity: 'idle',
    current_job: null,
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

test('workers are grouped by machine and sorted by number', () => {
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

test('a machine is offline when all its workers are', () => {
  const offline = { status: 'offline' } as const;
  expect(groupByMachine([worker('a', 0, offline), worker('a', 1, offline)])[0]?.offline).toBe(true);
  expect(groupByMachine([worker('a', 0, offline), worker('a', 1)])[0]?.offline).toBe(false);
});

test('workers are counted by state, trouble first', () => {
  const counts = countStates([
    worker('a', 0),
    worker('a', 1, { status: 'failed', activity: 'trouble' }),
    worker('a', 2, { status: 'paused', activity: 'waiting' }),
    worker('a', 3),
  ]);
  expect(counts).toEqual([
    { state: 'failed', count: 1, activity: 'trouble' },
    { state: 'idle', count: 2, activity: 'idle' },
    { state: 'paused', count: 1, activity: 'waiting' },
  ]);
});

test('a count shows trouble if one of its workers is in trouble', () => {
  const restarting = { status: 'restarting', activity: 'waiting' } as const;
  const crashed = { status: 'restarting', activity: 'trouble' } as const;
  expect(countStates([worker('a', 0, restarting), worker('a', 1, crashed)])).toEqual([
    { state: 'restarting', count: 2, activity: 'trouble' },
  ]);
});

const running = (pack: string | null) => ({ model_pack: pack });

test('model packs are counted, without offline workers and workers that have not started', () => {
  const workers = [
    worker('a', 0, running('edgeface')),
    worker('a', 1, running('mobilefacenet')),
    worker('a', 2, running('mobilefacenet')),
    worker('a', 3, { ...running('arcface-r50'), status: 'offline' }),
    worker('a', 4, running(null)),
  ];
  expect(countModelPacks(workers)).toEqual([
    { pack: 'mobilefacenet', count: 2 },
    { pack: 'edgeface', count: 1 },
  ]);
});

test('searches per minute count the searches of the last minute, including failures', () => {
  const samples = [sample(0, { done: 7 }), sample(30, { done: 2, failed: 1 }), sample(60, { done: 5 })];
  expect(searchesPerMinute(samples)).toEqual([
    { at: 0, value: 7 },
    { at: 30, value: 10 },
    { at: 60, value: 8 },
  ]);
});

test('searches per minute fall to zero after a gap', () => {
  expect(searchesPerMinute([sample(0, { done: 7 }), sample(500)]).at(-1)?.value).toBe(0);
});

test('the latest latency is the last known one', () => {
  expect(latestLatency([sample(0, { p50: 1, p95: 2 }), sample(5)])).toMatchObject({ p50: 1, p95: 2 });
  expect(latestLatency([sample(0)])).toBeNull();
});
