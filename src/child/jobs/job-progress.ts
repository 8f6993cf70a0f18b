export interface JobProgress {
  /** Notes how far the job is, 0..100. What is not further than before is ignored. */
  report(percent: number): void;
  /** Writes the last value where that has not happened, and settles once nothing is being written. */
  settle(): Promise<void>;
  /** Begins no further write: the job may be another worker's by now. */
  stop(): void;
}

export interface JobProgressOptions {
  /** Shortest time between two writes. */
  readonly intervalMs: number;
  readonly write: (percent: number) => Promise<void>;
  readonly onError: (error: unknown) => void;
}

/**
 * Writes a progress that never falls, in whole percents, one write at a time and not too often. What comes
 * while a write is under way or not yet due is written later, the newest value alone.
 */
export function createJobProgress({ intervalMs, write, onError }: JobProgressOptions): JobProgress {
  let newest = -1;
  let written = -1;
  let dueAtMs = 0;
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
