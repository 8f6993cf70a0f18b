export interface Remembered<T> {
  /** The last value if it is fresh, or the one being read; a failure is not kept. */
  get(): Promise<T>;
  /** The next `get()` reads again. */
  forget(): void;
}

/** Callers share one reading, which stays fresh for `freshMs` after it ends. */
export function remember<T>(freshMs: number, read: () => Promise<T>): Remembered<T> {
  let kept: { readonly untilMs: number; readonly value: Promise<T> } | null = null;

  const forget = (): void => {
    kept = null;
  };

  return {
    get: () => {
      if (kept === null || performance.now() >= kept.untilMs) {
        const value = read();
        kept = { untilMs: performance.now() + freshMs, value };
        value.catch(forget);
      }
      return kept.value;
    },
    forget,
  };
}
