import type { SearchHistograms } from './durations.js';
import type { ProviderRefusal } from './provider-refusal.js';

/**
 * One worker in the Redis hash `workers`, as the portal's dashboard reads it: snake case, times in
 * seconds since 1970 (durations in seconds), memory in MB unless the name says otherwise, percentages
 * 0..100, `null` where a figure is not known. A reader takes a record whose `last_heartbeat` is older
 * than 15 s for offline, whatever `status` says.
 */
export interface WorkerRecord {
  /** `<hostname>_gpu<k>`, `<hostname>_gpu<k>mig<n>` for a MIG instance of GPU `k`, or `<hostname>_cpu0`. */
  readonly id: string;
  readonly hostname: string;
  readonly status: WorkerStatus;
  /** All MIG instances of a GPU share its index; `gpu_uuid` is the instance's own. */
  readonly gpu_index: number | null;
  readonly gpu_uuid: string | null;
  readonly gpu_name: string | null;
  readonly use_cpu: boolean;
  readonly concurrency: number;
  /** Runtime and model pack, for example `onnxruntime-node 1.30.0, mobilefacenet`. */
  readonly engine: string | null;
  /** Execution provider in use: `cpu`, `cuda`, … */
  readonly provider: string | null;
  /** Better execution providers that were tried first, and why each is not used. */
  readonly provider_refusals: readonly ProviderRefusal[];
  /** How often, since the child started, its device was without memory, and what was done: see docs/engine.md. */
  readonly oom_halved: number;
  readonly oom_shrunk: number;
  readonly oom_on_cpu: number;
  /** Process id of the child, `null` while there is none. */
  readonly pid: number | null;
  readonly version: string;
  readonly start_time: number;
  readonly uptime: number;
  readonly last_heartbeat: number;
  readonly jobs_processed: number;
  readonly jobs_failed: number;
  /** How long the parts of the searches took that had a result. */
  readonly durations: SearchHistograms;
  /** Id of the job that has been running longest, and its progress 0..100. */
  readonly current_job: string | null;
  readonly current_job_progress: number | null;
  readonly cpu_percent: number | null;
  readonly ram_percent: number | null;
  readonly ram_available_gb: number | null;
  readonly gpu_utilization: number | null;
  readonly gpu_memory_used_mb: number | null;
  readonly gpu_memory_free_mb: number | null;
  readonly gpu_memory_total_mb: number | null;
  readonly gpu_temperature: number | null;
  readonly gpu_power_watts: number | null;
  readonly gpu_power_limit_watts: number | null;
  /** Why the GPU's clocks are held back (`power cap`, `hardware thermal slowdown`, …); empty where they are not. */
  readonly gpu_throttle_reasons: readonly string[] | null;
  /** Memory errors since the driver was loaded that ECC could not correct. */
  readonly gpu_ecc_uncorrected: number | null;
  /** Number of the last Xid (an error in the kernel log) of the GPU; `null` also where the log cannot be read. */
  readonly gpu_xid: number | null;
  readonly restarts: number;
  readonly last_exit: LastExit | null;
  /** Why the worker is in trouble, for a person. */
  readonly status_reason: string | null;
  readonly last_roll: RollOutcome | null;
  /** Memory of the child (MB) and the longest its event loop was blocked (ms) since the last heartbeat. */
  readonly rss_mb: number | null;
  readonly event_loop_delay_max_ms: number | null;
}

export type WorkerStatus =
  'starting' | 'online' | 'stalled' | 'paused' | 'draining' | 'restarting' | 'failed' | 'lost' | 'offline';

/** How a child last ended. */
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
