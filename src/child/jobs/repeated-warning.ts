/** An error that goes on is told this often. */
const INTERVAL_MS = 60_000;

/** Takes messages, some of them many times a second, and passes each one on at most once a minute. */
export function createRepeatedWarning(warn: (message: string) => void): (message: string) => void {
  const toldAtMs = new Map<string, number>();
  return (message) => {
    const nowMs = performance.now();
    for (const [told, atMs] of toldAtMs) {
      if (nowMs - atMs >= INTERVAL_MS) toldAtMs.delete(told);
    }
    if (toldAtMs.has(message)) return;
    toldAtMs.set(message, nowMs);
    warn(message);
  };
}
