import {
  addHistograms,
  type Histogram,
  NO_DURATIONS,
  quantileOf,
  sinceHistogram,
} from '../../shared/durations.js';
import type { FleetSample, HistoryEvent, QueueView, WorkerSample, WorkerView } from '../api/api.js';

/** Ten minutes. */
const SAMPLES = 120;
export const SAMPLE_INTERVAL_MS = 5000;

export interface FleetMoment {
  /** Seconds since 1970. */
  readonly at: number;
  readonly workers: readonly WorkerView[];
  readonly queues: readonly QueueView[];
}

export interface FleetHistory {
  /** Takes in the fleet as it is now. */
  add(moment: FleetMoment): {
    readonly fleet: FleetSample;
    readonly workers: Readonly<Record<string, WorkerSample>>;
  };
  all(): HistoryEvent;
}

/** What the charts show: the last ten minutes, in memory. Counters become what has come since the sample before. */
export function createFleetHistory(): FleetHistory {
  const fleet: FleetSample[] = [];
  let workers = new Map<string, WorkerSample[]>();
  let before: ReadonlyMap<string, WorkerView> | null = null;

  return {
    add: (moment) => {
      const sample = sampleFleet(moment, before);
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
      before = new Map(moment.workers.map((worker) => [worker.id, worker]));
      return { fleet: sample, workers: samples };
    },
    all: () => ({ fleet, workers: Object.fromEntries(workers) }),
  };
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
    // Of a worker that is seen for the first time, nobody knows when its searches ended.
    if (earlier === undefined) continue;
    done += since(earlier.jobs_processed, worker.jobs_processed);
    failed += since(earlier.jobs_failed, worker.jobs_failed);
    runs = addHistograms(runs, sinceHistogram(runsOf(earlier), runsOf(worker)));
  }
  const counts = queues.find(({ kind }) => kind === 'search')?.counts;
  return {
    at,
    waiting: counts?.waiting ?? 0,
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

/** A supervisor that has started anew counts from zero. */
function since(before: number, now: number): number {
  return now < before ? now : now - before;
}

/** Records of older releases have no durations. */
function runsOf({ durations }: Partial<Pick<WorkerView, 'durations'>>): Histogram {
  return durations?.run ?? NO_DURATIONS;
}
