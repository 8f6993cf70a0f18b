/**
 * Runs `work` on every item, `limit` of them at a time, in order of the list. The first failure ends it: no
 * item is started after it, and it is thrown once the running ones have settled.
 */
export async function forEachConcurrently<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const remaining = items.values();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const item of remaining) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: Math.min(limit, items.length) }, lane);
  const failure = (await Promise.allSettled(lanes)).find((result) => result.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}
