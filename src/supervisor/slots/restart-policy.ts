import { isPermanentFailure } from '../../shared/exit-codes.js';

export const BACKOFF_BASE_MS = 1000;
export const BACKOFF_CAP_MS = 60_000;
/** Crashes before a child that served this long no longer count. */
export const HEALTHY_AFTER_MS = 60_000;
/** This many unplanned exits within the window are a crash loop. */
export const CRASH_LOOP_EXITS = 5;
export const CRASH_LOOP_WINDOW_MS = 60_000;
/** A slot in a crash loop gets one try after this time. */
export const HALF_OPEN_AFTER_MS = 300_000;

/** The unplanned exits of a slot's children. */
export interface CrashHistory {
  /** Unplanned exits since the last healthy period. */
  readonly consecutive: number;
  /** Times of the unplanned exits within the window, in ms. */
  readonly recent: readonly number[];
  /** Whether the current child is the single try of a failed slot. */
  readonly halfOpen: boolean;
}

export const NO_CRASHES: CrashHistory = { consecutive: 0, recent: [], halfOpen: false };

export type RestartDecision =
  | { readonly kind: 'retry'; readonly at: number; readonly history: CrashHistory }
  /** `retryAt` is null if a restart cannot fix the problem. */
  | {
      readonly kind: 'give-up';
      readonly reason: string;
      readonly retryAt: number | null;
      readonly history: CrashHistory;
    };

export interface UnplannedExit {
  readonly now: number;
  readonly code: number | null;
  /** How long the child had been ready; 0 if it never was. */
  readonly servedMs: number;
  readonly description: string;
}

/**
 * Exponential backoff with full jitter ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015)
 * with a restart budget over a window, as in Erlang's supervisors.
 *
 * @param random uniform in 0..1
 */
export function decideRestart(
  history: CrashHistory,
  exit: UnplannedExit,
  random: () => number,
): RestartDecision {
  const healthy = exit.servedMs >= HEALTHY_AFTER_MS;
  const recent = [...history.recent.filter((at) => at > exit.now - CRASH_LOOP_WINDOW_MS), exit.now];
  const consecutive = healthy ? 1 : history.consecutive + 1;
  const next: CrashHistory = { consecutive, recent, halfOpen: false };

  if (isPermanentFailure(exit.code)) {
    return { kind: 'give-up', reason: exit.description, retryAt: null, history: next };
  }
  if (recent.length >= CRASH_LOOP_EXITS || (history.halfOpen && !healthy)) {
    const reason = `Crash loop: ${recent.length} unplanned exits within ${CRASH_LOOP_WINDOW_MS / 1000} s; last: ${exit.description}`;
    return { kind: 'give-up', reason, retryAt: exit.now + HALF_OPEN_AFTER_MS, history: next };
  }
  const ceilingMs = Math.min(BACKOFF_CAP_MS, BACKOFF_BASE_MS * 2 ** (consecutive - 1));
  return { kind: 'retry', at: exit.now + Math.round(random() * ceilingMs), history: next };
}
