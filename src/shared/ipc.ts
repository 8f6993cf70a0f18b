import type { Config } from './config.js';
import type { Device } from './device.js';
import type { SearchDurations } from './durations.js';
import type { ProviderRefusal } from './provider-refusal.js';

/**
 * Every message between the supervisor and a child. JSON over Node's IPC channel.
 *
 * A child speaks first: `hello` once its listeners are on; the supervisor answers with `init`.
 */
export type SupervisorMessage =
  | {
      readonly type: 'init';
      readonly workerId: string;
      readonly device: Device;
      readonly config: Config;
      readonly quiet: boolean;
      /** The children before this one died in the middle of their start: try no execution provider but the CPU's. */
      readonly cautious: boolean;
    }
  /** Answered by `pong` with the same number. */
  | { readonly type: 'ping'; readonly seq: number }
  /** Take no new jobs until `resume`. */
  | { readonly type: 'quiet' }
  | { readonly type: 'resume' }
  /** Take no new jobs, finish the running ones within `timeoutMs`, give back the rest, exit 0. A later one may shorten it. */
  | { readonly type: 'drain'; readonly timeoutMs: number }
  /** End this job as `CANCELLED` if it runs here, or is about to. */
  | { readonly type: 'cancel'; readonly jobId: string };

/** Which of the two queues a job is of. */
export type JobQueue = 'search' | 'index';

export type ChildMessage =
  | { readonly type: 'hello' }
  | ChildReady
  | { readonly type: 'pong'; readonly seq: number; readonly stats: ChildStats }
  | { readonly type: 'job-started'; readonly queue: JobQueue; readonly jobId: string }
  /** A search that has a result, just before its `job-ended`. */
  | { readonly type: 'search-timed'; readonly durations: SearchDurations }
  | { readonly type: 'job-progress'; readonly jobId: string; readonly progress: number }
  | {
      readonly type: 'job-ended';
      readonly queue: JobQueue;
      readonly jobId: string;
      readonly outcome: 'completed' | 'failed' | 'returned';
    }
  /** The last words before an exit that the child chose. */
  | { readonly type: 'failing'; readonly error: string };

/** Sent once the models are loaded, one inference has run, and Redis has answered. */
export interface ChildReady {
  readonly type: 'ready';
  readonly engine: string;
  readonly provider: string;
  /** Better execution providers that were tried first. */
  readonly providerRefusals: readonly ProviderRefusal[];
  readonly concurrency: number;
  /** Every BullMQ lock token of this child starts with one of these and a colon. */
  readonly lockTokenPrefixes: readonly string[];
}

export interface ChildStats {
  readonly rssMb: number;
  /** Longest time since the last `pong` that the main thread's event loop was blocked. */
  readonly eventLoopDelayMaxMs: number;
  readonly activeJobs: number;
  /** Why the child takes no jobs although it is ready, for operators; `null` if it takes them. */
  readonly stalledReason: string | null;
  /** Milliseconds for which inference has been asked for and none has ended; 0 when none is awaited. */
  readonly inferenceSilentMs: number;
  /** How often, since it started, a device without memory had its batch halved, its arena built anew, its work done on the CPU. */
  readonly oomSteps: { readonly halved: number; readonly shrunk: number; readonly onCpu: number };
}
