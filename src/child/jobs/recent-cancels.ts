/**
 * A cancel may be heard before the answer with which Redis hands the job out. Longer than that takes, shorter than a
 * portal's next job of the same id is away.
 */
const REMEMBERED_MS = 5000;

/** The jobs that somebody has just cancelled and that do not run here, or not yet. */
export interface RecentCancels {
  add(jobId: string): void;
  /** Whether the job was cancelled a moment ago; once only. */
  take(jobId: string): boolean;
}

export function createRecentCancels(now: () => number = () => performance.now()): RecentCancels {
  /** When each is forgotten, the oldest first. */
  const until = new Map<string, number>();

  const forgetOld = (): void => {
    for (const [jobId, at] of until) {
      if (at > now()) return;
      until.delete(jobId);
    }
  };

  return {
    add: (jobId) => {
      forgetOld();
      until.delete(jobId);
      until.set(jobId, now() + REMEMBERED_MS);
    },
    take: (jobId) => {
      forgetOld();
      return until.delete(jobId);
    },
  };
}
