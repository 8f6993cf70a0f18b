/** Progress (percent) of a search that has started. */
export const STARTED_PERCENT = 5;
/** Progress once the selfie's face is found and embedded. */
export const SELFIE_PERCENT = 20;
/** Progress once the whole gallery is searched. */
export const GALLERY_PERCENT = 95;

export interface JobProgress {
  /** Takes the job's progress, 0..100. Ignores a value that is not higher than the last one. */
  report(percent: number): void;
  /** Writes the last value if it is not written yet. Settles when no write is in flight. */
  settle(): Promise<void>;
  /** Starts no further write, because the job may belong to another worker now. */
  stop(): void;
}

export interface JobProgressOptions {
  /** Shortest time between two writes, and before the first one. */
  readonly intervalMs: number;
  readonly write: (percent: number) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Writes a job's progress in whole percents. The progress never falls. One write is in flight at a time, at most one
 * every `intervalMs`; of the values that arrive in between, only the newest is written. The first write waits
 * for `intervalMs`, too: a search of 20 ms ends before anybody could see its progress. `settle` writes at once.
 */
export function createJobProgress({ intervalMs, write, onError }: JobProgressOptions): JobProgress {
  let newest = -1;
  let written = -1;
  let dueAtMs = performance.now() + intervalMs;
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  let writing: Promise<void> | null = null;

  const writeNewest = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    written = newest;
    dueAtMs = performance.now() + intervalMs;
    writing = write(newest)
      .catch(onError)
      .finally(() => {
        writing = null;
        schedule();
      });
    return writing;
  };

  const schedule = (): void => {
    if (stopped || writing !== null || timer !== undefined || newest === written) return;
    const waitMs = dueAtMs - performance.now();
    if (waitMs <= 0) void writeNewest();
    else timer = setTimeout(() => void writeNewest(), waitMs);
  };

  return {
    report: (percent) => {
      const whole = Math.floor(Math.min(100, Math.max(0, percent)));
      if (whole <= newest) return;
      newest = whole;
      schedule();
    },
    settle: async () => {
      if (writing !== null) await writing;
      if (newest !== written && !stopped) await writeNewest();
    },
    stop: () => {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
