export interface Remembered<T> {
  /** What was read lately, or is being read; a reading that fails is not remembered. */
  get(): Promise<T>;
  /** The next one reads anew. */
  forget(): void;
}

/** Reads at most once in `freshMs`, however many ask. */
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
