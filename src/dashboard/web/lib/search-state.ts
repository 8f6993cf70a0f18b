import type { ApiProblem, Match, Search, SearchEvents } from '../../api/api.js';

/**
 * One search, from the form to its results.
 *
 * idle ──▶ sending ──▶ running ──▶ found
 *             │           ├──────▶ failed (the job failed or was cancelled)
 *             └───────────┴──────▶ failed (the dashboard refused it or cannot be reached)
 */
export type SearchState =
  | { readonly type: 'idle' }
  | { readonly type: 'sending' }
  | {
      readonly type: 'running';
      readonly id: string;
      readonly now: SearchEvents['state'];
      readonly cancelling: boolean;
    }
  | {
      readonly type: 'found';
      readonly matches: readonly Match[];
      readonly details: Search['details'];
      readonly tookS: number | null;
    }
  | { readonly type: 'failed'; readonly problem: ApiProblem };

export type SearchMessage =
  | { readonly type: 'sent' }
  | { readonly type: 'accepted'; readonly search: Search }
  | { readonly type: 'moved'; readonly now: SearchEvents['state'] }
  | { readonly type: 'cancel-asked' }
  | { readonly type: 'cancel-refused' }
  | { readonly type: 'ended'; readonly search: Search }
  | { readonly type: 'refused'; readonly problem: ApiProblem }
  | { readonly type: 'cleared' };

export function nextSearchState(state: SearchState, message: SearchMessage): SearchState {
  switch (message.type) {
    case 'sent':
      return { type: 'sending' };
    case 'accepted':
      return { type: 'running', id: message.search.id, now: message.search, cancelling: false };
    case 'moved':
      return state.type === 'running' ? { ...state, now: message.now } : state;
    case 'cancel-asked':
      return state.type === 'running' ? { ...state, cancelling: true } : state;
    case 'cancel-refused':
      return state.type === 'running' ? { ...state, cancelling: false } : state;
    case 'ended':
      return endOf(message.search);
    case 'refused':
      return { type: 'failed', problem: message.problem };
    case 'cleared':
      return { type: 'idle' };
  }
}

function endOf(search: Search): SearchState {
  if (search.error !== null) return { type: 'failed', problem: search.error };
  const { added_at: from, ended_at: to } = search;
  return {
    type: 'found',
    matches: search.matches ?? [],
    details: search.details,
    tookS: to === null ? null : to - from,
  };
}

/** How far a search is, in words. */
export function describeProgress(state: Extract<SearchState, { type: 'sending' | 'running' }>): string {
  if (state.type === 'sending') return 'Sending the selfie…';
  if (state.cancelling) return 'Cancelling…';
  const { state: job, waiting_for_index: waitsForIndex, position, progress } = state.now;
  if (waitsForIndex) return 'Waiting for indexing of new photos…';
  switch (job) {
    case 'waiting':
    case 'delayed':
      if (position === null) return 'Waiting for a worker…';
      return position === 1 ? 'Next in the queue…' : `Number ${position} in the queue…`;
    case 'active':
      return `Searching, ${Math.round(progress)} %…`;
    case 'completed':
    case 'failed':
      return 'Fetching the result…';
  }
}
