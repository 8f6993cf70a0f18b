import type { Config } from './config.js';
import type { Device } from './device.js';
import type { SearchDurations } from './durations.js';
import type { ProviderRefusal } from './worker-record.js';

/**
 * All messages between the supervisor and a child, as JSON over Node's IPC channel.
 *
 * A child sends `hello` once its listeners are on. The supervisor answers with `init`.
 */
export type SupervisorMessage =
  | {
      readonly type: 'init';
      readonly workerId: string;
      readonly device: Device;
      readonly config: Config;
      /** The child's share of the machine's processor cores. */
      readonly cores: number;
      readonly quiet: boolean;
      /** Earlier children crashed at start-up, so use the CPU as the only execution provider. */
      readonly cautious: boolean;
    }
  /** The child answers with a `pong` of the same number. */
  | { readonly type: 'ping'; readonly seq: number }
  /** Take no new jobs until `resume`. */
  | { readonly type: 'quiet' }
  | { readonly type: 'resume' }
  /** Take no new jobs, finish the running ones within `timeoutMs`, return the rest to the queue, exit 0. A later message may shorten the timeout. */
  | { readonly type: 'drain'; readonly timeoutMs: number }
  /** Fail this job with `CANCELLED` if it runs here or is about to start. */
  | { readonly type: 'cancel'; readonly jobId: string };

/** The queue of a job. */
export type JobQueue = 'search' | 'index';

export type ChildMessage =
  | { readonly type: 'hello' }
  | ChildReady
  | { readonly type: 'pong'; readonly seq: number; readonly stats: ChildStats }
  | { readonly type: 'job-started'; readonly queue: JobQueue; readonly jobId: string }
  /** Precedes the `job-ended` of a search with a result. */
  | { readonly type: 'search-timed'; readonly durations: SearchDurations }
  | { readonly type: 'job-progress'; readonly jobId: string; readonly progress: number }
  | {
      readonly type: 'job-ended';
      readonly queue: JobQueue;
      readonly jobId: string;
      readonly outcome: 'completed' | 'failed' | 'returned';
    }
  /** Why the child is about to exit on its own. */
  | { readonly type: 'failing'; readonly error: string };

/** Sent once the models are loaded, one inference has run and Redis has answered. */
export interface ChildReady {
  readonly type: 'ready';
  readonly engine: string;
  readonly modelPack: string;
  readonly modelLicense: string;
  readonly provider: string;
  /** Better execution providers that do not work here. */
  readonly providerRefusals: readonly ProviderRefusal[];
  readonly concurrency: number;
  /** Each BullMQ lock token of this child starts with one of these and a colon. */
  readonly lockTokenPrefixes: readonly string[];
}

export interface ChildStats {
  readonly rssMb: number;
  /** CPU time of the child's process since the last `pong`, as a percentage (0..100) of all cores of the machine. */
  readonly cpuPercent: number;
  /** Longest block of the main thread's event loop since the last `pong`. */
  readonly eventLoopDelayMaxMs: number;
  readonly activeJobs: number;
  /** Why the child takes no jobs although it is ready, for operators; `null` if it takes them. */
  readonly stalledReason: string | null;
  /** How long inference has been pending without a run that ended, in ms; 0 if none is pending. */
  readonly inferenceSilentMs: number;
  /** OOM fallback steps since the start: batch halved, arena rebuilt, work moved to the CPU. */
  readonly oomSteps: { readonly halved: number; readonly shrunk: number; readonly onCpu: number };
}
