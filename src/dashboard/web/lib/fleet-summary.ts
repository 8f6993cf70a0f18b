import type { Activity, FleetSample, WorkerView } from '../../api/api.js';
import { WORKER_STATES, type WorkerState, workerStateOf } from './worker-state.js';

/** A machine and its own figures, which the records of all its workers repeat. */
export interface MachineView {
  readonly hostname: string;
  readonly workers: readonly WorkerView[];
  readonly cpuPercent: number | null;
  readonly ramPercent: number | null;
  readonly ramAvailableGb: number | null;
  readonly offline: boolean;
}

export function groupByMachine(workers: readonly WorkerView[]): readonly MachineView[] {
  const machines = new Map<string, WorkerView[]>();
  for (const worker of workers) {
    const known = machines.get(worker.hostname);
    if (known === undefined) machines.set(worker.hostname, [worker]);
    else known.push(worker);
  }
  return [...machines]
    .map(([hostname, own]) => describeMachine(hostname, own))
    .toSorted((a, b) => compareNaturally(a.hostname, b.hostname));
}

function describeMachine(hostname: string, workers: readonly WorkerView[]): MachineView {
  const freshest = workers.toSorted((a, b) => a.heartbeat_age - b.heartbeat_age)[0];
  return {
    hostname,
    workers: workers.toSorted((a, b) => compareNaturally(a.id, b.id)),
    cpuPercent: freshest?.cpu_percent ?? null,
    ramPercent: freshest?.ram_percent ?? null,
    ramAvailableGb: freshest?.ram_available_gb ?? null,
    offline: workers.every(({ status }) => status === 'offline'),
  };
}

/** Sorts `gpu2` before `gpu10`. */
function compareNaturally(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

export interface StateCount {
  readonly state: WorkerState;
  readonly count: number;
  /** `trouble` as soon as one of the workers is in trouble. */
  readonly activity: Activity;
}

/** How many workers are in each state, without the states that no worker is in. */
export function countStates(workers: readonly WorkerView[]): readonly StateCount[] {
  return WORKER_STATES.flatMap((state) => {
    const activities = workers
      .filter((worker) => workerStateOf(worker) === state)
      .map(({ activity }) => activity);
    const [first] = activities;
    if (first === undefined) return [];
    const activity = activities.includes('trouble') ? 'trouble' : first;
    return [{ state, count: activities.length, activity }];
  });
}

/** The model packs of the fleet, most common first. More than one is a mixture, which is worth a warning. */
export function countModelPacks(
  workers: readonly WorkerView[],
): readonly { readonly pack: string; readonly count: number }[] {
  const counts = new Map<string, number>();
  for (const worker of workers) {
    const pack = worker.model_pack;
    if (pack === null || worker.status === 'offline') continue;
    counts.set(pack, (counts.get(pack) ?? 0) + 1);
  }
  return [...counts]
    .map(([pack, count]) => ({ pack, count }))
    .toSorted((a, b) => b.count - a.count || compareNaturally(a.pack, b.pack));
}

export interface ThroughputPoint {
  readonly at: number;
  readonly value: number;
}

const WINDOW_S = 60;

/** Searches that ended in the minute before each sample. Counts per sample would jump up and down. */
export function searchesPerMinute(samples: readonly FleetSample[]): readonly ThroughputPoint[] {
  const points: ThroughputPoint[] = [];
  let first = 0;
  let ended = 0;
  for (const sample of samples) {
    ended += sample.done + sample.failed;
    for (let oldest = samples[first]; oldest !== undefined && oldest.at <= sample.at - WINDOW_S;) {
      ended -= oldest.done + oldest.failed;
      first += 1;
      oldest = samples[first];
    }
    points.push({ at: sample.at, value: ended });
  }
  return points;
}

/** The latest known latencies. Samples in which no search ended have none. */
export function latestLatency(samples: readonly FleetSample[]): Pick<FleetSample, 'p50' | 'p95'> | null {
  return samples.findLast(({ p50 }) => p50 !== null) ?? null;
}
