const INTERVAL_MS = 20;

export interface EventLoopMeter {
  /** Longest time (ms) since the last call that the event loop was blocked. */
  takeMaxMs(): number;
  stop(): void;
}

/** Measures how late a timer is, because Node's `monitorEventLoopDelay` misses a block that begins right after `reset()`. */
export function createEventLoopMeter(): EventLoopMeter {
  let lastMs = performance.now();
  let maxMs = 0;
  const timer = setInterval(() => {
    const nowMs = performance.now();
    maxMs = Math.max(maxMs, nowMs - lastMs - INTERVAL_MS);
    lastMs = nowMs;
  }, INTERVAL_MS);
  return {
    takeMaxMs: () => {
      const takenMs = Math.round(maxMs);
      maxMs = 0;
      return takenMs;
    },
    stop: () => clearInterval(timer),
  };
}
