import { Counter, Gauge, type Metric, Registry } from 'prom-client';
import { DURATION_BOUNDS_S, SEARCH_STAGES } from '../../shared/durations.js';
import { VERSION } from '../../shared/version.js';
import type { WorkerView } from '../api/api.js';
import type { FleetMoment } from './fleet-history.js';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const WORKER = ['worker', 'hostname'] as const;
const GPU = ['worker', 'hostname', 'gpu', 'uuid', 'model'] as const;

/**
 * The fleet in Prometheus' text format. Names and units are in the manner of NVIDIA's DCGM exporter and Triton; the
 * table in docs/dashboard.md names their counterparts. A worker that is offline has no figures but the age of its last
 * heartbeat: an old figure would be taken for a present one.
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
  for (const { name, counts } of queues) {
    for (const [state, count] of Object.entries(counts)) queueJobs.set({ queue: name, state }, count);
  }

  const up = gauge('worker_up', '1 while a child of the worker takes jobs or could', WORKER);
  const status = gauge('worker_status', '1 for the status that the worker has', [...WORKER, 'status']);
  const heartbeat = gauge('worker_heartbeat_timestamp_seconds', 'Last heartbeat', WORKER);
  const start = gauge('worker_start_timestamp_seconds', "Start of the worker's present child", WORKER);
  const busy = gauge('worker_busy', '1 while the worker has a job', WORKER);
  const jobs = counter('worker_jobs', 'Searches that have ended', [...WORKER, 'outcome']);
  const restarts = counter('worker_restarts', 'Children that ended unasked', WORKER);
  const oomSteps = counter('worker_out_of_memory', 'What a device without memory made necessary', [
    ...WORKER,
    'step',
  ]);
  const rss = gauge('worker_resident_memory_bytes', 'Memory of the child', WORKER);
  const eventLoop = gauge(
    'worker_event_loop_delay_max_seconds',
    'Longest block of the event loop since the last heartbeat',
    WORKER,
  );

  const utilization = gauge('gpu_utilization_ratio', 'Share of time in which the GPU worked', GPU);
  const memoryUsed = gauge('gpu_memory_used_bytes', 'Used memory of the GPU', GPU);
  const memoryTotal = gauge('gpu_memory_total_bytes', 'Memory of the GPU', GPU);
  const temperature = gauge('gpu_temperature_celsius', 'Temperature of the GPU', GPU);
  const power = gauge('gpu_power_watts', 'Power draw of the GPU', GPU);
  const powerLimit = gauge('gpu_power_limit_watts', 'Power limit of the GPU', GPU);
  const throttled = gauge('gpu_throttled', '1 for each reason for which the clocks are held back', [
    ...GPU,
    'reason',
  ]);
  const ecc = gauge(
    'gpu_ecc_uncorrected_errors',
    'Memory errors since the driver was loaded that ECC could not correct',
    GPU,
  );
  const xid = gauge('gpu_xid', 'Number of the last Xid in the kernel log', GPU);

  const hostCpu = gauge('host_cpu_ratio', 'Share of the processors in use', ['hostname']);
  const hostMemory = gauge('host_memory_used_ratio', 'Share of the memory in use', ['hostname']);
  const hostAvailable = gauge('host_memory_available_bytes', 'Memory that is available', ['hostname']);

  for (const worker of workers) {
    const labels = { worker: worker.id, hostname: worker.hostname };
    up.set(labels, worker.status === 'online' || worker.status === 'paused' ? 1 : 0);
    status.set({ ...labels, status: worker.status }, 1);
    heartbeat.set(labels, worker.reported_at);
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

/** The workers have counted already; a prom-client histogram only counts itself, so this hands it the counts. */
function searchDurations(workers: readonly WorkerView[]): Metric {
  const name = 'face_search_search_duration_seconds';
  const values: Sample[] = [];
  for (const { id, hostname, activity, durations } of workers) {
    // Records of older releases have no durations.
    if (activity === 'away' || (durations as unknown) === undefined) continue;
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
    help: 'Parts of the searches that had a result',
    type: 'histogram',
    aggregator: 'sum',
    values,
  };
  return { name, get: () => Promise.resolve(metric) } as unknown as Metric;
}
