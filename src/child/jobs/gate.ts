/** Admits jobs in the order of their arrival: ordinary jobs at the same time, and a crash suspect alone. */
export interface Gate {
  /**
   * Resolves when the job may run.
   *
   * @returns a function to call when the job has ended
   * @throws the signal's reason if it aborts first
   */
  enter(alone: boolean, signal: AbortSignal): Promise<() => void>;
}

interface Waiting {
  readonly alone: boolean;
  readonly admit: () => void;
}

export function createGate(): Gate {
  const queue: Waiting[] = [];
  let inside = 0;
  let isTakenAlone = false;

  const admitNext = (): void => {
    for (;;) {
      const next = queue[0];
      if (next === undefined || isTakenAlone || (next.alone && inside > 0)) return;
      queue.shift();
      inside += 1;
      isTakenAlone = next.alone;
      next.admit();
    }
  };

  const leave = (): void => {
    inside -= 1;
    isTakenAlone = false;
    admitNext();
  };

  return {
    enter: (alone, signal) =>
      new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const onAbort = (): void => {
          const index = queue.indexOf(waiting);
          if (index < 0) return;
          queue.splice(index, 1);
          reject(signal.reason as Error);
          admitNext();
        };
        const waiting: Waiting = {
          alone,
          admit: () => {
            signal.removeEventListener('abort', onAbort);
            resolve(leave);
          },
        };
        signal.addEventListener('abort', onAbort, { once: true });
        queue.push(waiting);
        admitNext();
      }),
  };
}
