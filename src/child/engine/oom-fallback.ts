import type { MemoryFailure } from './memory-errors.js';

/** After this time without an out-of-memory error, the device gets full batches again. */
export const QUIET_MS = 60_000;
/** After this many moves to the CPU without a successful run on the device in between, only a new process can help. */
export const MAX_FALLS = 3;

/**
 * How much of its device a network uses. `falls` counts the moves to the CPU since the last successful run on the device.
 *
 *   roomy ──exhausted──▶ tight ──exhausted by one image, even reopened──▶ on-cpu ──the third time──▶ spent
 *     └◀──a quiet minute───┴◀─────────────a quiet minute────────────────────┘
 */
export type OomState =
  | { readonly kind: 'roomy'; readonly falls: number }
  | {
      readonly kind: 'tight';
      readonly maxBatch: number;
      /** The session was reopened, which frees its memory arena. */
      readonly shrunk: boolean;
      readonly quietAtMs: number;
      readonly falls: number;
    }
  | { readonly kind: 'on-cpu'; readonly quietAtMs: number; readonly falls: number }
  /** On the CPU until the process is replaced. */
  | { readonly kind: 'spent' };

export type OomEvent =
  | { readonly kind: 'asked'; readonly nowMs: number }
  | { readonly kind: 'worked' }
  | {
      readonly kind: 'failed';
      readonly failure: MemoryFailure;
      readonly batch: number;
      readonly nowMs: number;
    };

/** A step that lets a job continue. */
export type OomStep = 'halved' | 'shrunk' | 'on-cpu' | 'spent';

export interface Transition {
  readonly state: OomState;
  readonly step: OomStep | null;
}

export function nextOomState(state: OomState, event: OomEvent): Transition {
  switch (event.kind) {
    case 'asked':
      return {
        state: isQuiet(state, event.nowMs) ? { kind: 'roomy', falls: state.falls } : state,
        step: null,
      };
    case 'worked':
      return { state: 'falls' in state ? { ...state, falls: 0 } : state, step: null };
    case 'failed':
      return event.failure === 'device-lost' ? spent() : stepDown(state, event.batch, event.nowMs);
  }
}

function stepDown(state: OomState, batch: number, nowMs: number): Transition {
  if (state.kind === 'spent') return { state, step: null };
  const { falls } = state;
  const quietAtMs = nowMs + QUIET_MS;
  const shrunk = state.kind === 'tight' && state.shrunk;
  if (batch > 1) {
    const maxBatch = Math.floor(batch / 2);
    return { state: { kind: 'tight', maxBatch, shrunk, quietAtMs, falls }, step: 'halved' };
  }
  if (!shrunk) {
    return { state: { kind: 'tight', maxBatch: 1, shrunk: true, quietAtMs, falls }, step: 'shrunk' };
  }
  if (falls + 1 >= MAX_FALLS) return spent();
  return { state: { kind: 'on-cpu', quietAtMs, falls: falls + 1 }, step: 'on-cpu' };
}

function isQuiet(state: OomState, nowMs: number): state is OomState & { readonly kind: 'tight' | 'on-cpu' } {
  return 'quietAtMs' in state && nowMs >= state.quietAtMs;
}

function spent(): Transition {
  return { state: { kind: 'spent' }, step: 'spent' };
}
