import {
  addHistograms,
  type Histogram,
  NO_DURATIONS,
  quantileOf,
  sinceHistogram,
} from '../../shared/durations.js';
import type { FleetSample, HistoryEvent, WorkerSample, WorkerView } from '../api/api.js';
import type { FleetMoment } from './fleet-moment.js';

/** Ten minutes. */
const SAMPLES = 120;
export const SAMPLE_INTERVAL_MS = 5000;
/** After a longer pause it is unknown when the searches in between ended. */
const MAX_GAP_S = (4 * SAMPLE_INTERVAL_MS) / 1000;

export interface FleetHistory {
  /** Adds the fleet as it is now. */
  add(moment: FleetMoment): {
    readonly fleet: FleetSample;
    readonly workers: Readonly<Record<string, WorkerSample>>;
  };
  all(): HistoryEvent;
}

/** The data of the charts: up to ten minutes, in memory. Counters become the increase since the previous sample. */
export function createFleetHistory(): FleetHistory {
  const fleet: FleetSample[] = [];
  let workers = new Map<string, WorkerSample[]>();
  let before: Before | null = null;

  return {
    add: (moment) => {
      if (before !== null && moment.at - before.at > MAX_GAP_S) before = null;
      const sample = sampleFleet(moment, before?.workers ?? null);
      keep(fleet, sample);
      const samples = Object.fromEntries(
        moment.workers.map((worker) => [worker.id, sampleWorker(moment.at, worker)]),
      );
      workers = new Map(
        moment.workers.map(({ id }) => {
          const kept = workers.get(id) ?? [];
          const newest = samples[id];
          if (newest !== undefined) keep(kept, newest);
          return [id, kept];
        }),
      );
      before = { at: moment.at, workers: new Map(moment.workers.map((worker) => [worker.id, worker])) };
      return { fleet: sample, workers: samples };
    },
    all: () => ({ fleet, workers: Object.fromEntries(workers) }),
  };
}

interface Before {
  readonly at: number;
  readonly workers: ReadonlyMap<string, WorkerView>;
}

function keep<T>(samples: T[], sample: T): void {
  samples.push(sample);
  if (samples.length > SAMPLES) samples.shift();
}

function sampleFleet(
  { at, workers, queues }: FleetMoment,
  before: ReadonlyMap<string, WorkerView> | null,
): FleetSample {
  let [done, failed] = [0, 0];
  let runs: Histogram = NO_DURATIONS;
  for (const worker of workers) {
    const earlier = before?.get(worker.id);
    // It is not known when the searches of a new worker ended.
    if (earlier === undefined) continue;
    done += since(earlier.jobs_processed, worker.jobs_processed);
    failed += since(earlier.jobs_failed, worker.jobs_failed);
    runs = addHistograms(runs, sinceHistogram(earlier.durations.run, worker.durations.run));
  }
  const counts = queues.find(({ kind }) => kind === 'search')?.counts;
  return {
    at,
    waiting: counts === undefined ? 0 : counts.waiting + counts.waiting_for_index,
    active: counts?.active ?? 0,
    done,
    failed,
    p50: quantileOf(runs, 0.5),
    p95: quantileOf(runs, 0.95),
  };
}

function sampleWorker(at: number, worker: WorkerView): WorkerSample {
  const isHere = worker.activity !== 'away';
  return {
    at,
    utilization: isHere
      ? worker.gpu_uuid === null
        ? (worker.process_cpu_percent ?? null)
        : worker.gpu_utilization
      : null,
    memory_used_mb: isHere ? (worker.gpu_uuid === null ? worker.rss_mb : worker.gpu_memory_used_mb) : null,
    temperature: isHere ? worker.gpu_temperature : null,
    done: worker.jobs_processed,
  };
}

/** A supervisor counts from zero after a restart. */
function since(before: number, now: number): number {
  return now < before ? now : now - before;
}
