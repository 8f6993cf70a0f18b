import { useEffect, useState } from '/vendor/preact.js';
import type { ApiProblem } from '../../api/api.js';
import { problemOf } from '../lib/api-client.js';

export interface Polled<T> {
  /** The newest answer to the present question; `null` before the first. */
  readonly value: T | null;
  readonly problem: ApiProblem | null;
  readonly refresh: () => void;
}

/** Asks at once, whenever `key` changes, and every `everyMs` while the page can be seen. */
export function usePolled<T>(
  key: string,
  everyMs: number,
  load: (signal: AbortSignal) => Promise<T>,
): Polled<T> {
  const [answer, setAnswer] = useState<{ key: string; value: T | null; problem: ApiProblem | null } | null>(
    null,
  );
  const [round, setRound] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const again = () => {
      timer = setTimeout(() => void ask(), everyMs);
    };
    const ask = async () => {
      if (document.hidden) return again();
      try {
        const value = await load(abort.signal);
        if (!abort.signal.aborted) setAnswer({ key, value, problem: null });
      } catch (error) {
        if (abort.signal.aborted) return;
        // What was there stays, with the word that it is old.
        setAnswer((last) => ({
          key,
          value: last?.key === key ? last.value : null,
          problem: problemOf(error),
        }));
      }
      if (!abort.signal.aborted) again();
    };
    void ask();
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
