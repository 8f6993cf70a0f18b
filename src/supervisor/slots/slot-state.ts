import { type CrashHistory, NO_CRASHES } from './restart-policy.js';

/**
 * The state of one device's slot. `child` and `successor` are the numbers of its children.
 *
 *   stopped ──start──▶ starting ──ready──▶ serving ──replace──▶ replacing ──ready──▶ serving
 *      ▲                  │                   │                    │ successor ends: serving
 *      │                unplanned exit ◀──────┴────────────────────┘ child ends: starting
 *      │                  ▼
 *      │               backoff ──deadline──▶ starting        failed ──deadline, replace──▶ starting
 *      └── draining ◀── stop, device-lost, replace (drain first) ──▶ stopped, lost, starting
 *
 *   starting, serving, draining ──the child was killed and does not end──▶ stuck ──exit──▶ backoff, stopped, lost
 */
export type SlotState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting'; readonly child: number; readonly startBy: number }
  | { readonly kind: 'serving'; readonly child: number; readonly since: number }
  /** `child` serves until `successor` is ready. */
  | {
      readonly kind: 'replacing';
      readonly child: number;
      readonly since: number;
      readonly successor: number;
      readonly startBy: number;
    }
  | { readonly kind: 'draining'; readonly child: number; readonly after: 'start' | 'stop' | 'lose' }
  /** A driver or a file system holds the killed child. Its device cannot be used before it ends. */
  | {
      readonly kind: 'stuck';
      readonly child: number;
      readonly reason: string;
      readonly after: 'start' | 'stop' | 'lose';
    }
  | { readonly kind: 'backoff'; readonly until: number; readonly reason: string }
  /** `retryAt` is null if a restart cannot fix the problem. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAt: number | null }
  | { readonly kind: 'lost' };

export interface Slot {
  readonly state: SlotState;
  readonly crashes: CrashHistory;
  /** Number of children started so far, and the number of the next child. */
  readonly started: number;
  /** Number of unplanned exits. */
  readonly restarts: number;
}

export const NEW_SLOT: Slot = { state: { kind: 'stopped' }, crashes: NO_CRASHES, started: 0, restarts: 0 };

export type SlotEvent =
  | { readonly type: 'start' }
  | { readonly type: 'ready'; readonly child: number }
  | {
      readonly type: 'exited';
      readonly child: number;
      readonly code: number | null;
      readonly description: string;
    }
  | { readonly type: 'stuck'; readonly child: number; readonly reason: string }
  | { readonly type: 'deadline' }
  | { readonly type: 'replace'; readonly order: ReplaceOrder }
  | { readonly type: 'stop' }
  | { readonly type: 'device-lost' }
  | { readonly type: 'device-returned' };

/**
 * `start-first`: the old child serves until the new one is ready. `drain-first`: the old child exits first, because both
 * do not fit into memory. `at-once`: the old child returns its running jobs to the queue and exits.
 */
export type ReplaceOrder = 'start-first' | 'drain-first' | 'at-once';

/** How long a child may take to finish its running jobs before it returns them to the queue. */
export type Patience = 'long' | 'normal' | 'none';

export type SlotCommand =
  | { readonly type: 'spawn'; readonly child: number }
  /** Ask the child to finish its jobs and exit. */
  | { readonly type: 'drain'; readonly child: number; readonly patience: Patience }
  /** Kill the child. */
  | { readonly type: 'kill'; readonly child: number; readonly reason: string };

export interface Step {
  readonly slot: Slot;
  readonly commands: readonly SlotCommand[];
}

/** A child that is not ready after this time is killed. Time without Redis does not count; see `createSlot`. */
export const START_TIMEOUT_MS = 120_000;

/** When the state needs a `deadline` event; `null` if it does not. */
export function deadlineOf(state: SlotState): number | null {
  switch (state.kind) {
    case 'starting':
    case 'replacing':
      return state.startBy;
    case 'backoff':
      return state.until;
    case 'failed':
      return state.retryAt;
    case 'stopped':
    case 'serving':
    case 'draining':
    case 'stuck':
    case 'lost':
      return null;
  }
}
