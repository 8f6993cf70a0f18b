import { useEffect, useState } from '/vendor/preact.js';
import type { ApiProblem } from '../../api/api.js';
import { problemOf } from '../lib/api-client.js';

export interface Polled<T> {
  /** The latest answer for the current key; `null` before the first. */
  readonly value: T | null;
  readonly problem: ApiProblem | null;
  readonly refresh: () => void;
}

/** Loads at once when `key` changes, then every `intervalMs` while the page is visible. */
export function usePolled<T>(
  key: string,
  intervalMs: number,
  load: (signal: AbortSignal) => Promise<T>,
): Polled<T> {
  const [answer, setAnswer] = useState<{ key: string; value: T | null; problem: ApiProblem | null } | null>(
    null,
  );
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const schedule = () => {
      timer = setTimeout(() => void poll(), intervalMs);
    };
    const poll = async () => {
      if (document.hidden) return schedule();
      try {
        const value = await load(abort.signal);
        if (!abort.signal.aborted) setAnswer({ key, value, problem: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        // The old value stays on the page, beside the problem.
        setAnswer((last) => ({
          key,
          value: last?.key === key ? last.value : null,
          problem: problemOf(error),
        }));
      }
      if (!abort.signal.aborted) schedule();
    };
    void poll();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [key, round]);
  const current = answer?.key === key ? answer : null;
  return {
    value: current?.value ?? null,
    problem: current?.problem ?? null,
    refresh: () => setRound((last) => last + 1),
  };
}
