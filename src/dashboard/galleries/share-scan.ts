export interface Remembered<T> {
  /** The last value if it is fresh, or the one being read; a failure is not kept. */
  get(): Promise<T>;
  /** The next `get()` reads again. */
  forget(): void;
}

/** Callers share one reading, which stays fresh for `freshMs` after it ends. */
export function remember<T>(freshMs: number, read: () => Promise<T>): Remembered<T> {
  let kept: { readonly value: Promise<T>; untilMs: number } | null = null;

  return {
    get: () => {
      if (kept !== null && performance.now() < kept.untilMs) return kept.value;
      const reading = { value: read(), untilMs: Infinity };
      kept = reading;
      reading.value.then(
        () => {
          reading.untilMs = performance.now() + freshMs;
        },
        () => {
          if (kept === reading) kept = null;
        },
      );
      return reading.value;
    },
    forget: () => {
      kept = null;
    },
  };
}
