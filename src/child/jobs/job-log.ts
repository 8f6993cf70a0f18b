/** A log that names more than this is read by nobody. */
const MAX_LINES = 100;

export interface JobLog {
  note(line: string): void;
  /** Writes what was noted, at once and together; settles when it is there. */
  settle(): Promise<void>;
}

/**
 * Gathers a job's log lines so that none of them delays the work. Of too many it keeps the first ones, how many
 * there were in between, and the last one, which sums them up.
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
      const lines = [...first];
      if (between > 0) lines.push(`… and ${between} more lines`);
      if (last !== null) lines.push(last);
      await Promise.all(lines.map(write)).catch(onError);
    },
  };
}
