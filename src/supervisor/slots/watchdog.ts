import type { ChildStats } from '../../shared/ipc.js';

export const PING_INTERVAL_MS = 2000;

export interface WatchdogLimits {
  /** How long the child's main thread may be silent. */
  readonly pingTimeoutMs: number;
  /** How long inference may be pending without any run that ends. */
  readonly inferenceTimeoutMs: number;
}

export interface Watchdog {
  start(): void;
  answered(seq: number, stats: ChildStats): void;
  stop(): void;
}

/**
 * Pings a child and calls `onHung` once if it hangs.
 *
 * Silence is counted in pings, not in clock time: while this process or the machine is suspended, no pings go out, and
 * the child must not be blamed.
 */
export function createWatchdog(
  limits: WatchdogLimits,
  ping: (seq: number) => void,
  onHung: (reason: string) => void,
): Watchdog {
  const intervalMs = Math.min(PING_INTERVAL_MS, limits.pingTimeoutMs / 2);
  let sent = 0;
  let answered = 0;
  let timer: NodeJS.Timeout | undefined;

  const stop = (): void => clearInterval(timer);

  const tick = (): void => {
    const silentMs = (sent - answered) * intervalMs;
    if (silentMs >= limits.pingTimeoutMs) {
      stop();
      onHung(`Its main thread has not answered for ${Math.round(silentMs / 1000)} s`);
      return;
    }
    sent += 1;
    ping(sent);
  };

  return {
    start: () => {
      stop();
      timer = setInterval(tick, intervalMs);
      tick();
    },
    answered: (seq, stats) => {
      answered = Math.max(answered, seq);
      if (stats.inferenceSilentMs >= limits.inferenceTimeoutMs) {
        stop();
        onHung(`Its inference has made no progress for ${Math.round(stats.inferenceSilentMs / 1000)} s`);
      }
    },
    stop,
  };
}
