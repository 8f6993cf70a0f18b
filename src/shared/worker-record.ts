import type { SearchHistograms } from './durations.js';

/**
 * One worker in the Redis hash `workers`. The portal reads it. Times are seconds since 1970, durations seconds, memory MB
 * unless the name says otherwise, percentages 0..100. `null` means unknown. A worker is offline if its record is older
 * than 15 s, even if `status` says otherwise.
 */
export interface WorkerRecord {
  /** `<hostname>_gpu<k>`, `<hostname>_gpu<k>mig<n>` for a MIG instance of GPU `k`, or `<hostname>_cpu0`. */
  readonly id: string;
  readonly hostname: string;
  readonly status: WorkerStatus;
  /** The MIG instances of a GPU share its index, but have their own `gpu_uuid`. */
  readonly gpu_index: number | null;
  readonly gpu_uuid: string | null;
  /** `CPU` for the CPU worker. */
  readonly gpu_name: string;
  readonly use_cpu: boolean;
  readonly concurrency: number;
  /** Runtime and model pack, for example `onnxruntime-node 1.30.0, mobilefacenet`. */
  readonly engine: string | null;
  /** Name of the model pack. */
  readonly model_pack: string | null;
  /** Licence of the embedder, for example `MIT` or `CC-BY-NC-SA-4.0 (non-commercial)`. */
  readonly model_license: string | null;
  /** The execution provider in use: `cpu`, `cuda`, … */
  readonly provider: string | null;
  /** Better execution providers that do not work here, and why. */
  readonly provider_refusals: readonly ProviderRefusal[];
  /** OOM fallback steps since the child started; see docs/providers.md. */
  readonly oom_halved: number;
  readonly oom_shrunk: number;
  readonly oom_on_cpu: number;
  /** Process id of the child; `null` without a child. */
  readonly pid: number | null;
  readonly version: string;
  readonly start_time: number;
  readonly uptime: number;
  /**
   * Redis' time of the last heartbeat at which the worker could take jobs. Readers such as the portal know only this field,
   * so a worker that is `failed`, `lost`, `stalled` or `offline` keeps its last good time; 0 if it never had one.
   */
  readonly last_heartbeat: number;
  /** Redis' time of this record. Judge the age of a record by this field. */
  readonly reported_at: number;
  readonly jobs_processed: number;
  readonly jobs_failed: number;
  /** How long the parts of searches with a result took. */
  readonly durations: SearchHistograms;
  /** The job that has been running longest, and its progress 0..100. */
  readonly current_job: string | null;
  readonly current_job_progress: number | null;
  readonly cpu_percent: number;
  readonly ram_percent: number;
  readonly ram_available_gb: number;
  readonly gpu_utilization: number | null;
  readonly gpu_memory_used_mb: number | null;
  readonly gpu_memory_free_mb: number | null;
  readonly gpu_memory_total_mb: number | null;
  readonly gpu_temperature: number | null;
  readonly gpu_power_watts: number | null;
  readonly gpu_power_limit_watts: number | null;
  /** Why the GPU's clocks are held back (`power cap`, `hardware thermal slowdown`, …); empty if they are not. */
  readonly gpu_throttle_reasons: readonly string[] | null;
  /** Memory errors that ECC could not correct, since the driver was loaded. */
  readonly gpu_ecc_uncorrected: number | null;
  /** Number of the GPU's last Xid (an error in the kernel log); `null` also if the log cannot be read. */
  readonly gpu_xid: number | null;
  readonly restarts: number;
  readonly last_exit: LastExit | null;
  /** Why the worker is not well, for a person. */
  readonly status_reason: string | null;
  readonly last_roll: RollOutcome | null;
  /** The child's resident memory (MB), and the longest block of its event loop since the last heartbeat (ms). */
  readonly rss_mb: number | null;
  /** CPU use of the child alone, as a percentage of all cores; `cpu_percent` is the whole machine's. */
  readonly process_cpu_percent: number | null;
  readonly event_loop_delay_max_ms: number | null;
}

export const WORKER_STATUSES = [
  'starting',
  'online',
  'paused',
  'draining',
  'restarting',
  /** The process runs but cannot take jobs; `status_reason` says why. */
  'stalled',
  'failed',
  'lost',
  'offline',
] as const;

export type WorkerStatus = (typeof WORKER_STATUSES)[number];

/** A record without its times, which the heartbeat's script takes from Redis. */
export type WorkerReport = Omit<WorkerRecord, 'last_heartbeat' | 'reported_at'>;

/** Whether a worker with this status takes jobs, or will do so soon without help. */
export function canTakeJobs(status: WorkerStatus): boolean {
  return !['failed', 'lost', 'stalled', 'offline'].includes(status);
}

/** An execution provider that is not used, and why. */
export interface ProviderRefusal {
  readonly provider: string;
  readonly reason: string;
}

/** How the last child exited. */
export interface LastExit {
  /** Seconds since 1970. */
  readonly at: number;
  readonly code: number | null;
  readonly signal: string | null;
  readonly planned: boolean;
  /** The child's last error line. */
  readonly error: string | null;
}

/** How the machine's last rolling restart ended. */
export interface RollOutcome {
  /** Seconds since 1970. */
  readonly at: number;
  readonly outcome: 'done' | 'failed' | 'refused';
  readonly replaced: number;
  readonly reason: string | null;
}
