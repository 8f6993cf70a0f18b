/** Longer logs are too long to read. */
const MAX_LINES = 100;

export interface JobLog {
  note(line: string): void;
  /** Writes the lines since the last call, in parallel. Settles when they are written. */
  settle(): Promise<void>;
}

/**
 * Collects a job's log lines, so that writing them does not delay the work. If there are too many, it keeps the first
 * ones, the number of lines in between, and the last one, which is a summary.
 */
export function createJobLog(
  write: (line: string) => Promise<unknown>,
  onError: (error: unknown) => void,
): JobLog {
  const first: string[] = [];
  let last: string | null = null;
  let between = -1;
  return {
    note: (line) => {
      if (first.length < MAX_LINES) {
        first.push(line);
        return;
      }
      last = line;
      between += 1;
    },
    settle: async () => {
      const lines = first.splice(0);
      if (between > 0) lines.push(`… and ${between} more lines`);
      if (last !== null) lines.push(last);
      last = null;
      between = -1;
      await Promise.all(lines.map(write)).catch(onError);
    },
  };
}
