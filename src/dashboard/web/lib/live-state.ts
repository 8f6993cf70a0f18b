import type {
  ApiProblem,
  FleetEvent,
  FleetSample,
  HistoryEvent,
  HistoryWorkers,
  WorkerSample,
} from '../../api/api.js';

/** Ten minutes, one sample every five seconds. */
export const KEPT_SAMPLES = 120;

/**
 * The fleet as the page knows it.
 *
 * connecting ──history, fleet──▶ open ──lost──▶ broken ──history, fleet──▶ open
 */
export interface LiveState {
  readonly connection: 'connecting' | 'open' | 'broken';
  readonly history: HistoryEvent;
  readonly fleet: FleetEvent | null;
  /** By this browser's clock (ms), which may differ from the server's. */
  readonly receivedAtMs: number | null;
  /** Why the server has no new figures. */
  readonly trouble: ApiProblem | null;
}

export type LiveMessage =
  | { readonly type: 'history'; readonly history: HistoryEvent }
  | { readonly type: 'fleet'; readonly fleet: FleetEvent; readonly receivedAtMs: number }
  | { readonly type: 'trouble'; readonly problem: ApiProblem }
  | { readonly type: 'lost' };

export const NOTHING_YET: LiveState = {
  connection: 'connecting',
  history: { fleet: [], workers: {} },
  fleet: null,
  receivedAtMs: null,
  trouble: null,
};

export function nextLiveState(state: LiveState, message: LiveMessage): LiveState {
  switch (message.type) {
    case 'history':
      return { ...state, connection: 'open', history: message.history };
    case 'fleet':
      return {
        connection: 'open',
        fleet: message.fleet,
        receivedAtMs: message.receivedAtMs,
        trouble: null,
        history:
          message.fleet.sample === null ? state.history : appendSample(state.history, message.fleet.sample),
      };
    case 'trouble':
      return { ...state, connection: 'open', trouble: message.problem };
    case 'lost':
      return { ...state, connection: 'broken' };
  }
}

function appendSample(
  history: HistoryEvent,
  sample: { readonly fleet: FleetSample; readonly workers: HistoryWorkers },
): HistoryEvent {
  const newest = history.fleet.at(-1);
  // After a reconnect the next event may repeat the last sample of the history.
  if (newest !== undefined && sample.fleet.at <= newest.at) return history;
  const workers: Record<string, readonly WorkerSample[]> = {};
  for (const [id, own] of Object.entries(sample.workers)) {
    workers[id] = [...(history.workers[id] ?? []), own].slice(-KEPT_SAMPLES);
  }
  return {
    fleet: [...history.fleet, sample.fleet].slice(-KEPT_SAMPLES),
    workers: { ...history.workers, ...workers },
  };
}

/** Whether the figures on the page are outdated. */
export function isStale(state: LiveState, nowMs: number): boolean {
  return (
    state.connection === 'broken' ||
    state.trouble !== null ||
    (state.receivedAtMs !== null && nowMs - state.receivedAtMs > STALE_AFTER_MS)
  );
}

/** Five missed events. */
const STALE_AFTER_MS = 10_000;
