import { type CrashHistory, NO_CRASHES } from './restart-policy.js';

/**
 * One device's slot, as a value. `child` and `successor` are numbers that the slot gives its children.
 *
 *   stopped ──start──▶ starting ──ready──▶ serving ──replace──▶ replacing ──ready──▶ serving
 *      ▲                  │                   │                    │ successor ends: serving
 *      │                unplanned exit ◀──────┴────────────────────┘ child ends: starting
 *      │                  ▼
 *      │               backoff ──deadline──▶ starting        failed ──deadline, replace──▶ starting
 *      └── draining ◀── stop, device-lost, replace (drain first) ──▶ stopped, lost, starting
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
  | { readonly kind: 'backoff'; readonly until: number; readonly reason: string }
  /** `retryAt` is null where only a person can mend it. */
  | { readonly kind: 'failed'; readonly reason: string; readonly retryAt: number | null }
  | { readonly kind: 'lost' };

export interface Slot {
  readonly state: SlotState;
  readonly crashes: CrashHistory;
  /** Children started so far; the next child's number. */
  readonly started: number;
  /** Children that ended unplanned. */
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
  | { readonly type: 'deadline' }
  | { readonly type: 'replace'; readonly order: ReplaceOrder }
  | { readonly type: 'stop' }
  | { readonly type: 'device-lost' }
  | { readonly type: 'device-returned' };

/**
 * `start-first`: the old child serves until the new one is ready. `drain-first`: where both do not fit into
 * memory. `at-once`: the old child gives its running jobs back, because it cannot wait for them.
 */
export type ReplaceOrder = 'start-first' | 'drain-first' | 'at-once';

/** How long a child may take to finish its running jobs before it gives them back. */
export type Patience = 'long' | 'normal' | 'none';

export type SlotCommand =
  | { readonly type: 'spawn'; readonly child: number }
  /** Ask the child to finish its jobs and go. */
  | { readonly type: 'drain'; readonly child: number; readonly patience: Patience }
  /** End the child at once. */
  | { readonly type: 'kill'; readonly child: number; readonly reason: string };

export interface Step {
  readonly slot: Slot;
  readonly commands: readonly SlotCommand[];
}

/** A child that is not ready after this long is given up. Time without Redis does not count: see `createSlot`. */
export const START_TIMEOUT_MS = 120_000;

/** When the state wants a `deadline` event, `null` where it waits for something else. */
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
    case 'lost':
      return null;
  }
}
