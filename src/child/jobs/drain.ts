/** How long jobs that are given back may take to reach Redis. */
const GIVE_BACK_TIMEOUT_MS = 1500;

export interface Drain {
  /** Settles when all is closed, at the latest `GIVE_BACK_TIMEOUT_MS` after the time was up. */
  readonly done: Promise<void>;
  /** Shortens the time that is left; never lengthens it. */
  within(timeoutMs: number): void;
}

/**
 * Waits for `close`, which has no deadline of its own: when the time is up `giveBack` is called once, and a
 * little later nobody waits any more.
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
