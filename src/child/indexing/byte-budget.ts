/** Encoded photos in memory at once. Larger photos are read one at a time. */
const MAX_BYTES = 2 ** 27;

/** Bounds the photos that are in memory at once by their bytes. Work that does not fit waits for its turn. */
export interface ByteBudget {
  /** @throws the signal's reason once it has aborted, or the error of the work */
  use<T>(bytes: number, signal: AbortSignal, work: () => Promise<T>): Promise<T>;
}

interface Waiting {
  readonly bytes: number;
  readonly start: () => void;
}

export function createByteBudget(maxBytes = MAX_BYTES): ByteBudget {
  const waiting: Waiting[] = [];
  let used = 0;

  const startNext = (): void => {
    for (;;) {
      const [next] = waiting;
      if (next === undefined || (used > 0 && used + next.bytes > maxBytes)) return;
      waiting.shift();
      used += next.bytes;
      next.start();
    }
  };

  const enter = (bytes: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const entry: Waiting = {
        bytes,
        start: () => {
          signal.removeEventListener('abort', onAbort);
          resolve();
        },
      };
      const onAbort = (): void => {
        waiting.splice(waiting.indexOf(entry), 1);
        reject(signal.reason as Error);
        startNext();
      };
      signal.addEventListener('abort', onAbort, { once: true });
      waiting.push(entry);
      startNext();
    });

  return {
    use: async (bytes, signal, work) => {
      signal.throwIfAborted();
      await enter(bytes, signal);
      try {
        return await work();
      } finally {
        used -= bytes;
        startNext();
      }
    },
  };
}
