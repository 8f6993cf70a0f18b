import type { QueueEvents } from 'bullmq';
import type { Search, SearchEvents } from '../api/api.js';
import { ApiError } from '../api/api-error.js';

/** The position in the queue changes without an event of this search. */
const REFRESH_INTERVAL_MS = 1000;
const EVENTS = [
  'waiting',
  'active',
  'progress',
  'delayed',
  'waiting-children',
  'completed',
  'failed',
  'removed',
] as const;

export interface SearchFollower {
  read(): Promise<Search>;
  report<E extends keyof SearchEvents>(event: E, data: SearchEvents[E]): void;
  /** The search was removed. */
  gone(): void;
}

/**
 * Reports a search from its present state to its end: every change once, and nothing after `result`, `failure` or
 * `gone`.
 *
 * @returns a function that stops it earlier
 */
export function followSearch(
  id: string,
  events: QueueEvents,
  { read, report, gone }: SearchFollower,
): () => void {
  let reported = '';
  let isOver = false;
  let refreshing: 'no' | 'yes' | 'again' = 'no';

  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
    for (const event of EVENTS) events.off(event, onEvent);
  };

  const refresh = async (): Promise<void> => {
    if (refreshing !== 'no') {
      refreshing = 'again';
      return;
    }
    refreshing = 'yes';
    try {
      const search = await read();
      if (!isOver) reportChange(search);
    } catch (error) {
      // Other errors may pass; the next refresh shows.
      if (!isOver && error instanceof ApiError && error.code === 'NOT_FOUND') {
        stop();
        gone();
      }
    }
    const isOutdated = refreshing === ('again' as string);
    refreshing = 'no';
    if (isOutdated && !isOver) await refresh();
  };

  const reportChange = (search: Search): void => {
    if (search.state === 'completed' || search.state === 'failed') {
      stop();
      report(search.state === 'completed' ? 'result' : 'failure', search);
      return;
    }
    const { state, waiting_for_index, position, progress } = search;
    const change = JSON.stringify([state, waiting_for_index, position, progress]);
    if (change === reported) return;
    reported = change;
    report('state', { state, waiting_for_index, position, progress });
  };

  const onEvent = ({ jobId }: { jobId: string }): void => {
    if (jobId === id) void refresh();
  };

  const timer = setInterval(() => void refresh(), REFRESH_INTERVAL_MS);
  for (const event of EVENTS) events.on(event, onEvent);
  void refresh();
  return stop;
}
