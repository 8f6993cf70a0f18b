import type { Activity, FleetSample, WorkerView } from '../../api/api.js';
import { ACTIVITIES } from './job-states.js';

/** What is true of a whole machine stands in the record of each of its workers. */
export interface MachineView {
  readonly hostname: string;
  readonly workers: readonly WorkerView[];
  readonly cpuPercent: number | null;
  readonly ramPercent: number | null;
  readonly ramAvailableGb: number | null;
  /** No worker of it has been heard of lately. */
  readonly away: boolean;
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
    away: workers.every(({ activity }) => activity === 'away'),
  };
}

/** `gpu2` before `gpu10`. */
function compareNaturally(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}

export function countActivities(workers: readonly WorkerView[]): Readonly<Record<Activity, number>> {
  const counts = Object.fromEntries(ACTIVITIES.map((activity) => [activity, 0])) as Record<Activity, number>;
  for (const { activity } of workers) counts[activity] += 1;
  return counts;
}

export interface ThroughputPoint {
  readonly at: number;
  readonly value: number;
}

const WINDOW_S = 60;

/** Searches that ended in the minute before each sample: per-sample counts alone would be a comb. */
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

/** The newest known latencies: a quiet stretch has none of its own. */
export function latestLatency(samples: readonly FleetSample[]): Pick<FleetSample, 'p50' | 'p95'> | null {
  return samples.findLast(({ p50 }) => p50 !== null) ?? null;
}
