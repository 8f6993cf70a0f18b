/** A cancel overtakes the answer that brings the job by less than this. */
const KEPT_MS = 10_000;
const MAX_KEPT = 1000;

/**
 * The ids of cancels that found no running job. A cancel and a fetched job arrive on different connections, so a cancel can
 * arrive before its job, and after Redis has sent the job without the mark.
 */
export interface EarlyCancels {
  add(jobId: string): void;
  /** Whether the id was added in the last seconds. */
  has(jobId: string): boolean;
}

export function createEarlyCancels(now: () => number = () => performance.now()): EarlyCancels {
  const addedMs = new Map<string, number>();
  return {
    add: (jobId) => {
      addedMs.delete(jobId);
      addedMs.set(jobId, now());
      const [oldest] = addedMs.keys();
      if (addedMs.size > MAX_KEPT && oldest !== undefined) addedMs.delete(oldest);
    },
    has: (jobId) => now() - (addedMs.get(jobId) ?? -Infinity) < KEPT_MS,
  };
}
