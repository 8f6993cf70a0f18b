import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import { DURATION_BOUNDS_S, SEARCH_STAGES } from '../../shared/durations.js';
import { VERSION } from '../../shared/version.js';
import type { WorkerView } from '../api/api.js';
import type { FleetMoment } from './fleet-moment.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const WORKER = ['worker', 'hostname'] as const;
const GPU = ['worker', 'hostname', 'gpu', 'uuid', 'model'] as const;

/**
 * The fleet in Prometheus' text format. Names and units follow NVIDIA's DCGM exporter and Triton; the table in
 * docs/dashboard.md names their counterparts. An offline worker has only its status and the time of its last heartbeat:
 * its other values are old.
 */
export async function writeMetrics({ workers, queues }: FleetMoment): Promise<string> {
  const registry = new Registry();
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name: `face_search_${name}`, help, labelNames, registers });
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name: `face_search_${name}_total`, help, labelNames, registers });

  gauge('build_info', 'Version of the dashboard', ['version']).set({ version: VERSION }, 1);

  const queueJobs = gauge('queue_jobs', 'Jobs in a state', ['queue', 'state']);
  const queuePaused = gauge('queue_paused', '1 while the whole queue is paused', ['queue']);
  for (const { name, paused, counts } of queues) {
    queuePaused.set({ queue: name }, paused ? 1 : 0);
    for (const [state, count] of Object.entries(counts)) queueJobs.set({ queue: name, state }, count);
  }

  const up = gauge('worker_up', '1 while the worker takes jobs, or is only paused', WORKER);
  const status = gauge('worker_status', '1 for the current status of the worker', [...WORKER, 'status']);
  const heartbeat = gauge('worker_heartbeat_timestamp_seconds', 'Time of the last heartbeat', WORKER);
  const start = gauge('worker_start_timestamp_seconds', "Start time of the worker's current child", WORKER);
  const busy = gauge('worker_busy', '1 while the worker has a job', WORKER);
  const jobs = counter('worker_jobs', 'Searches that have ended', [...WORKER, 'outcome']);
  const restarts = counter('worker_restarts', 'Unplanned exits of the child', WORKER);
  const oomSteps = counter('worker_out_of_memory', 'Steps of the out-of-memory fallback', [
    ...WORKER,
    'step',
  ]);
  const rss = gauge('worker_resident_memory_bytes', 'Resident memory of the child', WORKER);
  const eventLoop = gauge(
    'worker_event_loop_delay_max_seconds',
    'Longest block of the event loop since the last heartbeat',
    WORKER,
  );

  const utilization = gauge('gpu_utilization_ratio', 'Share of time in which the GPU was busy', GPU);
  const memoryUsed = gauge('gpu_memory_used_bytes', 'Used memory of the GPU', GPU);
  const memoryTotal = gauge('gpu_memory_total_bytes', 'Memory of the GPU', GPU);
  const temperature = gauge('gpu_temperature_celsius', 'Temperature of the GPU', GPU);
  const power = gauge('gpu_power_watts', 'Power draw of the GPU', GPU);
  const powerLimit = gauge('gpu_power_limit_watts', 'Power limit of the GPU', GPU);
  const throttled = gauge('gpu_throttled', '1 for each reason that reduces the clocks', [...GPU, 'reason']);
  const ecc = gauge('gpu_ecc_uncorrected_errors', 'Uncorrected ECC errors since the driver was loaded', GPU);
  const xid = gauge('gpu_xid', 'Number of the last Xid in the kernel log', GPU);

  const hostCpu = gauge('host_cpu_ratio', 'Share of CPU time in use', ['hostname']);
  const hostMemory = gauge('host_memory_used_ratio', 'Share of the memory in use', ['hostname']);
  const hostAvailable = gauge('host_memory_available_bytes', 'Available memory', ['hostname']);

  for (const worker of workers) {
    const labels = { worker: worker.id, hostname: worker.hostname };
    up.set(labels, worker.status === 'online' || worker.status === 'paused' ? 1 : 0);
    status.set({ ...labels, status: worker.status }, 1);
    heartbeat.set(labels, worker.last_heartbeat);
    if (worker.activity === 'away') continue;

    start.set(labels, worker.start_time);
    busy.set(labels, worker.current_job === null ? 0 : 1);
    jobs.inc({ ...labels, outcome: 'completed' }, worker.jobs_processed);
    jobs.inc({ ...labels, outcome: 'failed' }, worker.jobs_failed);
    restarts.inc(labels, worker.restarts);
    oomSteps.inc({ ...labels, step: 'halved' }, worker.oom_halved);
    oomSteps.inc({ ...labels, step: 'shrunk' }, worker.oom_shrunk);
    oomSteps.inc({ ...labels, step: 'on_cpu' }, worker.oom_on_cpu);
    setKnown(rss, labels, worker.rss_mb, MIB);
    setKnown(eventLoop, labels, worker.event_loop_delay_max_ms, 1 / 1000);
    setKnown(hostCpu, { hostname: worker.hostname }, worker.cpu_percent, 1 / 100);
    setKnown(hostMemory, { hostname: worker.hostname }, worker.ram_percent, 1 / 100);
    setKnown(hostAvailable, { hostname: worker.hostname }, worker.ram_available_gb, GIB);

    if (worker.gpu_uuid === null) continue;
    const gpu = {
      ...labels,
      gpu: String(worker.gpu_index),
      uuid: worker.gpu_uuid,
      model: worker.gpu_name ?? '',
    };
    setKnown(utilization, gpu, worker.gpu_utilization, 1 / 100);
    setKnown(memoryUsed, gpu, worker.gpu_memory_used_mb, MIB);
    setKnown(memoryTotal, gpu, worker.gpu_memory_total_mb, MIB);
    setKnown(temperature, gpu, worker.gpu_temperature);
    setKnown(power, gpu, worker.gpu_power_watts);
    setKnown(powerLimit, gpu, worker.gpu_power_limit_watts);
    setKnown(ecc, gpu, worker.gpu_ecc_uncorrected);
    setKnown(xid, gpu, worker.gpu_xid);
    for (const reason of worker.gpu_throttle_reasons ?? []) throttled.set({ ...gpu, reason }, 1);
  }
  registry.registerMetric(searchDurations(workers));
  return registry.metrics();
}

export const METRICS_TYPE = Registry.PROMETHEUS_CONTENT_TYPE;

function setKnown<L extends string>(
  metric: Gauge<L>,
  labels: Record<L, string>,
  value: number | null | undefined,
  factor = 1,
): void {
  if (value !== null && value !== undefined) metric.set(labels, value * factor);
}

interface Sample {
  readonly labels: Record<string, string | number>;
  readonly value: number;
  readonly metricName: string;
}

/** The workers count; prom-client's own histogram cannot be filled with counts, so this stands in for it. */
function searchDurations(workers: readonly WorkerView[]): Metric {
  const name = 'face_search_search_duration_seconds';
  const values: Sample[] = [];
  for (const { id, hostname, activity, durations } of workers) {
    if (activity === 'away') continue;
    for (const stage of SEARCH_STAGES) {
      const labels = { worker: id, hostname, stage };
      const { counts, sum } = durations[stage];
      let upTo = 0;
      for (const [i, bound] of [...DURATION_BOUNDS_S, '+Inf'].entries()) {
        upTo += counts[i] ?? 0;
        values.push({ labels: { ...labels, le: bound }, value: upTo, metricName: `${name}_bucket` });
      }
      values.push(
        { labels, value: sum, metricName: `${name}_sum` },
        { labels, value: upTo, metricName: `${name}_count` },
      );
    }
  }
  const metric = {
    name,
    help: 'Duration of each part of the searches that had a result',
    type: 'histogram',
    aggregator: 'sum',
    values,
  };
  return { name, get: () => Promise.resolve(metric) } as unknown as Metric;
}
