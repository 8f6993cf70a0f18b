/** Time limit for giving jobs back to Redis. */
const GIVE_BACK_TIMEOUT_MS = 1500;

export interface Drain {
  /** Settles when `close` has ended, or `GIVE_BACK_TIMEOUT_MS` after the deadline. */
  readonly done: Promise<void>;
  /** Moves the deadline forward. A later deadline than the current one has no effect. */
  within(timeoutMs: number): void;
}

/**
 * Waits for `close`, which has no deadline of its own. At the deadline it calls `giveBack` once, and stops waiting
 * `GIVE_BACK_TIMEOUT_MS` later.
 */
export function startDrain(timeoutMs: number, close: () => Promise<void>, giveBack: () => void): Drain {
  let deadlineMs = Infinity;
  let timer: NodeJS.Timeout | undefined;
  let giveUp: (() => void) | undefined;
  const gaveUp = new Promise<void>((resolve) => {
    giveUp = resolve;
  });

  const within = (leftMs: number): void => {
    const atMs = performance.now() + leftMs;
    if (atMs >= deadlineMs) return;
    deadlineMs = atMs;
    clearTimeout(timer);
    timer = setTimeout(() => {
      giveBack();
      timer = setTimeout(() => giveUp?.(), GIVE_BACK_TIMEOUT_MS);
    }, leftMs);
  };
  within(timeoutMs);

  const done = Promise.race([close(), gaveUp]).finally(() => clearTimeout(timer));
  return { done, within };
}
