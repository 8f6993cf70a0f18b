import type { QueueEvents } from 'bullmq';
import type { Search, SearchEvents } from '../api/api.js';
import { ApiError } from '../api/api-error.js';

/** The position in the queue changes without an event of the search's own. */
const LOOK_INTERVAL_MS = 1000;
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
  tell<E extends keyof SearchEvents>(event: E, data: SearchEvents[E]): void;
  /** It was removed. */
  gone(): void;
}

/**
 * Tells how a search goes on, from its present state to its end: every change once, and nothing after `result`,
 * `failure` or `gone`.
 *
 * @returns what ends it before
 */
export function followSearch(
  id: string,
  events: QueueEvents,
  { read, tell, gone }: SearchFollower,
): () => void {
  let told = '';
  let isOver = false;
  let looking: 'no' | 'yes' | 'again' = 'no';

  const stop = (): void => {
    isOver = true;
    clearInterval(timer);
    for (const event of EVENTS) events.off(event, onEvent);
  };

  const look = async (): Promise<void> => {
    if (looking !== 'no') {
      looking = 'again';
      return;
    }
    looking = 'yes';
    try {
      const search = await read();
      if (!isOver) tellNews(search);
    } catch (error) {
      // Anything else may pass: the next look tells.
      if (!isOver && error instanceof ApiError && error.code === 'NOT_FOUND') {
        stop();
        gone();
      }
    }
    const isOutdated = looking === ('again' as string);
    looking = 'no';
    if (isOutdated && !isOver) await look();
  };

  const tellNews = (search: Search): void => {
    if (search.state === 'completed' || search.state === 'failed') {
      stop();
      tell(search.state === 'completed' ? 'result' : 'failure', search);
      return;
    }
    const { state, position, progress } = search;
    const news = JSON.stringify([state, position, progress]);
    if (news === told) return;
    told = news;
    tell('state', { state, position, progress });
  };

  const onEvent = ({ jobId }: { jobId: string }): void => {
    if (jobId === id) void look();
  };

  const timer = setInterval(() => void look(), LOOK_INTERVAL_MS);
  for (const event of EVENTS) events.on(event, onEvent);
  void look();
  return stop;
}
