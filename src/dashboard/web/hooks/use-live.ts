import { useEffect, useReducer } from '/vendor/preact.js';
import type { ApiFailure, FleetEvent, HistoryEvent } from '../../api/api.js';
import { type LiveState, NOTHING_YET, nextLiveState } from '../lib/live-state.js';

const RETRY_MS = 3000;

/**
 * Follows the fleet through `/api/events`.
 *
 * EventSource reconnects after a broken connection, but gives up if the server refuses it. This hook then tries again,
 * and calls `onRefused`, because the login may have expired.
 */
export function useLive(onRefused: () => void): LiveState {
  const [state, dispatch] = useReducer(nextLiveState, NOTHING_YET);
  useEffect(() => {
    let source: EventSource;
    let retry: ReturnType<typeof setTimeout> | undefined;
    const connect = () => {
      source = new EventSource('/api/events');
      source.addEventListener('history', (event) => {
        dispatch({ type: 'history', history: JSON.parse(event.data) as HistoryEvent });
      });
      source.addEventListener('fleet', (event) => {
        const fleet = JSON.parse(event.data) as FleetEvent;
        dispatch({ type: 'fleet', fleet, receivedAtMs: Date.now() });
      });
      source.addEventListener('trouble', (event) => {
        dispatch({ type: 'trouble', problem: (JSON.parse(event.data) as ApiFailure).error });
      });
      source.addEventListener('error', () => {
        dispatch({ type: 'lost' });
        if (source.readyState !== EventSource.CLOSED) return;
        onRefused();
        retry = setTimeout(connect, RETRY_MS);
      });
    };
    connect();
    return () => {
      clearTimeout(retry);
      source.close();
    };
  }, []);
  return state;
}
