/** The same message is logged at most once in this time. */
const INTERVAL_MS = 60_000;

/** Limits repeated messages: passes each distinct message on at most once a minute. */
export function createRepeatedWarning(warn: (message: string) => void): (message: string) => void {
  const loggedAtMs = new Map<string, number>();
  return (message) => {
    const nowMs = performance.now();
    for (const [logged, atMs] of loggedAtMs) {
      if (nowMs - atMs >= INTERVAL_MS) loggedAtMs.delete(logged);
    }
    if (loggedAtMs.has(message)) return;
    loggedAtMs.set(message, nowMs);
    warn(message);
  };
}
