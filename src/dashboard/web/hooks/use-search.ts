import { useEffect, useReducer, useRef } from '/vendor/preact.js';
import type { Search, SearchEvents } from '../../api/api.js';
import { cancelSearch, type NewSearch, problemOf, searchEventsPath, startSearch } from '../lib/api-client.js';
import { nextSearchState, type SearchState } from '../lib/search-state.js';

export interface SearchRun {
  readonly state: SearchState;
  readonly start: (search: NewSearch) => void;
  readonly cancel: () => void;
  readonly clear: () => void;
}

/** Starts a search and follows it until it ends. */
export function useSearch(): SearchRun {
  const [state, dispatch] = useReducer(nextSearchState, { type: 'idle' });
  const source = useRef<EventSource | null>(null);
  useEffect(() => () => source.current?.close(), []);

  const follow = (id: string) => {
    const events = new EventSource(searchEventsPath(id));
    source.current = events;
    const end = (event: MessageEvent<string>) => {
      events.close();
      dispatch({ type: 'ended', search: JSON.parse(event.data) as Search });
    };
    events.addEventListener('state', (event: MessageEvent<string>) => {
      dispatch({ type: 'moved', now: JSON.parse(event.data) as SearchEvents['state'] });
    });
    events.addEventListener('result', end);
    events.addEventListener('failure', end);
    events.addEventListener('error', () => {
      // In any other state the browser reconnects by itself.
      if (events.readyState !== EventSource.CLOSED) return;
      dispatch({
        type: 'refused',
        problem: {
          code: 'SEARCH_LOST',
          message: 'The connection to the dashboard is lost. The Queue page shows how this search goes on.',
        },
      });
    });
  };
  const start = (search: NewSearch) => {
    dispatch({ type: 'sent' });
    startSearch(search).then(
      (accepted) => {
        dispatch({ type: 'accepted', search: accepted });
        follow(accepted.id);
      },
      (error: unknown) => dispatch({ type: 'refused', problem: problemOf(error) }),
    );
  };
  const cancel = () => {
    if (state.type !== 'running') return;
    dispatch({ type: 'cancel-asked' });
    cancelSearch(state.id).catch(() => dispatch({ type: 'cancel-refused' }));
  };
  return { state, start, cancel, clear: () => dispatch({ type: 'cleared' }) };
}
