import { describe, expect, it, test } from 'vitest';
import type { JobState, Search } from '../../../../src/dashboard/api/api.js';
import {
  describeProgress,
  nextSearchState,
  type SearchMessage,
  type SearchState,
} from '../../../../src/dashboard/web/lib/search-state.js';

const search: Search = {
  id: '7',
  state: 'waiting',
  progress: 0,
  position: 3,
  waiting_for_index: false,
  stage: 'ball',
  added_at: 100,
  started_at: null,
  ended_at: null,
  matches: null,
  details: null,
  error: null,
};
const after = (...messages: readonly SearchMessage[]): SearchState =>
  messages.reduce(nextSearchState, { type: 'idle' });

test('a search goes from the form through the queue to its matches', () => {
  const waiting = after({ type: 'sent' }, { type: 'accepted', search });
  expect(waiting).toMatchObject({ type: 'running', id: '7', now: { position: 3 } });
  const found = nextSearchState(waiting, {
    type: 'ended',
    search: { ...search, state: 'completed', started_at: 101, ended_at: 103.5, matches: [] },
  });
  expect(found).toEqual({ type: 'found', matches: [], details: null, tookS: 3.5 });
});

test('a failed search shows its reason', () => {
  const error = { code: 'NO_FACE_DETECTED', message: 'No face was found.' };
  const state = after(
    { type: 'sent' },
    { type: 'accepted', search },
    { type: 'ended', search: { ...search, state: 'failed', error } },
  );
  expect(state).toEqual({ type: 'failed', problem: error });
});

test('a search can be cancelled again after a refused cancel', () => {
  const asked = after({ type: 'sent' }, { type: 'accepted', search }, { type: 'cancel-asked' });
  expect(asked).toMatchObject({ cancelling: true });
  expect(nextSearchState(asked, { type: 'cancel-refused' })).toMatchObject({ cancelling: false });
});

test('late news of a finished search change nothing', () => {
  const failed = after({ type: 'refused', problem: { code: 'X', message: 'x' } });
  expect(nextSearchState(failed, { type: 'moved', now: search })).toBe(failed);
});

describe('the progress of a search in words', () => {
  it.each<[JobState, number | null, number, boolean, string]>([
    ['waiting', 3, 0, false, 'Number 3 in the queue…'],
    ['waiting', 1, 0, false, 'Next in the queue…'],
    ['waiting', null, 0, false, 'Waiting for a worker…'],
    ['delayed', null, 20, true, 'Waiting for indexing of new photos…'],
    ['active', null, 42.4, false, 'Searching, 42 %…'],
  ])('%s, position %s, %d %%', (state, position, progress, waitingForIndex, words) => {
    const now = { state, position, progress, waiting_for_index: waitingForIndex };
    expect(describeProgress({ type: 'running', id: '7', now, cancelling: false })).toBe(words);
  });
});
