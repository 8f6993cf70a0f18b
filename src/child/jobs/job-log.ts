import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';

/** Longer logs are too long to read. */
const MAX_LINES = 100;
/** Of all starts of a job together: it can go back to the queue any number of times. */
const KEPT_LINES = 1000;

/**
 * Like BullMQ's `Job.log` (its script addLog-2.lua), but for several lines at once.
 *
 * KEYS: the job, its log. ARGV: lines to keep, new lines.
 */
const ADD_LINES = `
if redis.call('EXISTS', KEYS[1]) == 0 then return end
redis.call('RPUSH', KEYS[2], unpack(ARGV, 2))
redis.call('LTRIM', KEYS[2], -ARGV[1], -1)`;

export interface JobLog {
  note(line: string): void;
  /** Writes the lines since the last call. Settles when they are written. */
  settle(): Promise<void>;
}

/**
 * Collects a job's log lines, so that writing them does not delay the work. If there are too many, it keeps the first
 * ones, the number of lines in between, and the last one, which is a summary.
 */
export function createJobLog(
  write: (lines: readonly string[]) => Promise<unknown>,
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
      if (lines.length > 0) await write(lines).catch(onError);
    },
  };
}

/** Adds lines to a job's log, in which the newest ones stay. Does nothing if the job is gone. */
export async function addLogLines(
  redis: Redis,
  queue: Pick<Queue, 'toKey'>,
  jobId: string,
  lines: readonly string[],
): Promise<void> {
  const keys = [queue.toKey(jobId), queue.toKey(`${jobId}:logs`)];
  await redis.eval(ADD_LINES, keys.length, ...keys, KEPT_LINES, ...lines);
}
