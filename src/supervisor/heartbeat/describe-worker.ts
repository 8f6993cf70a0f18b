import type { Device } from '../../shared/device.js';
import { VERSION } from '../../shared/version.js';
import type { RollOutcome, WorkerReport, WorkerStatus } from '../../shared/worker-record.js';
import { figuresOf } from '../devices/gpu-figures.js';
import type { HostMetrics } from './host-metrics.js';
import type { NvidiaGpu } from '../devices/nvidia-smi.js';
import type { Worker, WorkerFacts } from '../slots/worker.js';

export interface MachineFacts {
  readonly hostname: string;
  readonly host: HostMetrics;
  /** By uuid, without GPUs whose figures are unknown. */
  readonly gpus: ReadonlyMap<string, NvidiaGpu>;
  /** Why the GPUs' figures are unknown, `null` if they are known. */
  readonly gpuProblem: string | null;
  /** Why no worker of this machine can use Redis, `null` if they can. */
  readonly redisProblem: string | null;
  readonly lastRoll: RollOutcome | null;
  readonly lastXid: (device: Device) => number | null;
}

/** Builds a worker's record for the hash `workers`. */
export function describeWorker(worker: Worker, machine: MachineFacts): WorkerReport {
  const facts = worker.facts();
  const stalled = machine.redisProblem ?? facts.stats?.stalledReason ?? null;
  const gpu = figuresOf(worker.device, machine.gpus);
  const nvidia = worker.device.kind === 'nvidia' ? worker.device : null;
  return {
    id: worker.id,
    hostname: machine.hostname,
    status: statusOf(facts, stalled),
    gpu_index: nvidia?.index ?? null,
    gpu_uuid: nvidia?.uuid ?? null,
    gpu_name: nvidia?.name ?? 'CPU',
    use_cpu: (facts.ready?.provider ?? (nvidia === null ? 'cpu' : null)) === 'cpu',
    concurrency: facts.ready?.concurrency ?? 0,
    engine: facts.ready?.engine ?? null,
    model_pack: facts.ready?.modelPack ?? null,
    model_license: facts.ready?.modelLicense ?? null,
    provider: facts.ready?.provider ?? null,
    provider_refusals: facts.ready?.providerRefusals ?? [],
    oom_halved: facts.stats?.oomSteps.halved ?? 0,
    oom_shrunk: facts.stats?.oomSteps.shrunk ?? 0,
    oom_on_cpu: facts.stats?.oomSteps.onCpu ?? 0,
    pid: facts.pid,
    version: VERSION,
    start_time: facts.startedAt,
    uptime: facts.pid === null ? 0 : Math.max(0, Math.floor(Date.now() / 1000) - facts.startedAt),
    jobs_processed: facts.jobsProcessed,
    jobs_failed: facts.jobsFailed,
    durations: facts.durations,
    current_job: facts.currentJob?.id ?? null,
    current_job_progress: facts.currentJob?.progress ?? null,
    cpu_percent: machine.host.cpuPercent,
    ram_percent: machine.host.ramPercent,
    ram_available_gb: machine.host.ramAvailableGb,
    gpu_utilization: gpu?.utilizationPercent ?? null,
    gpu_memory_used_mb: gpu?.memoryUsedMb ?? null,
    gpu_memory_free_mb: gpu?.memoryFreeMb ?? null,
    gpu_memory_total_mb: gpu?.device.memoryTotalMb ?? nvidia?.memoryTotalMb ?? null,
    gpu_temperature: gpu?.temperatureC ?? null,
    gpu_power_watts: gpu?.powerWatts ?? null,
    gpu_power_limit_watts: gpu?.powerLimitWatts ?? null,
    gpu_throttle_reasons: gpu?.throttleReasons ?? null,
    gpu_ecc_uncorrected: gpu?.eccUncorrected ?? null,
    gpu_xid: machine.lastXid(worker.device),
    restarts: facts.restarts,
    last_exit: facts.lastExit,
    status_reason: reasonOf(facts, worker.device) ?? stalled ?? (nvidia === null ? null : machine.gpuProblem),
    last_roll: machine.lastRoll,
    rss_mb: facts.stats?.rssMb ?? null,
    process_cpu_percent: facts.stats?.cpuPercent ?? null,
    event_loop_delay_max_ms: facts.stats?.eventLoopDelayMaxMs ?? null,
  };
}

function statusOf({ state, quiet, lastExit }: WorkerFacts, stalled: string | null): WorkerStatus {
  switch (state.kind) {
    case 'starting':
      if (stalled !== null) return 'stalled';
      return lastExit === null ? 'starting' : 'restarting';
    case 'serving':
    case 'replacing':
      if (quiet) return 'paused';
      return stalled === null ? 'online' : 'stalled';
    case 'draining':
      return state.after === 'start' ? 'restarting' : 'draining';
    case 'backoff':
      return 'restarting';
    case 'failed':
      return 'failed';
    case 'stuck':
      return state.after === 'lose' ? 'lost' : 'stalled';
    case 'lost':
      return 'lost';
    case 'stopped':
      return 'offline';
  }
}

function reasonOf({ state }: WorkerFacts, device: Device): string | null {
  if (state.kind === 'lost') {
    const isInstance = device.kind === 'nvidia' && device.mig !== null;
    return `The ${isInstance ? 'MIG instance' : 'GPU'} has vanished from the machine`;
  }
  return 'reason' in state ? state.reason : null;
}
