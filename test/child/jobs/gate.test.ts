import { describe, expect, it } from 'vitest';
import { createTurnstile, type Turnstile } from '../../../src/child/jobs/gate.js';

const never = new AbortController().signal;

/** Enters, and tells when it was let in. */
function enter(turnstile: Turnstile, name: string, alone: boolean, inside: string[], signal = never) {
  return turnstile.enter(alone, signal).then((leave) => {
    inside.push(name);
    return () => {
      inside.splice(inside.indexOf(name), 1);
      leave();
    };
  });
}

const settle = (): Promise<void> => new Promise(setImmediate);

describe('the turnstile', () => {
  it('lets ordinary jobs in side by side', async () => {
    const turnstile = createTurnstile();
    const inside: string[] = [];
    await Promise.all([enter(turnstile, 'a', false, inside), enter(turnstile, 'b', false, inside)]);
    expect(inside).toEqual(['a', 'b']);
  });

  it('lets a suspect in alone, and those behind it after it', async () => {
    const turnstile = createTurnstile();
    const inside: string[] = [];
    const leaveFirst = await enter(turnstile, 'first', false, inside);
    const suspect = enter(turnstile, 'suspect', true, inside);
    const behind = enter(turnstile, 'behind', false, inside);
    await settle();
    expect(inside).toEqual(['first']);
    leaveFirst();
    const leaveSuspect = await suspect;
    await settle();
    expect(inside).toEqual(['suspect']);
    leaveSuspect();
    await behind;
    expect(inside).toEqual(['behind']);
  });

  it('forgets a job that is stopped while it waits', async () => {
    const turnstile = createTurnstile();
    const inside: string[] = [];
    const stop = new AbortController();
    await enter(turnstile, 'first', false, inside);
    const suspect = enter(turnstile, 'suspect', true, inside, stop.signal);
    const behind = enter(turnstile, 'behind', false, inside);
    stop.abort(new Error('cancelled'));
    await expect(suspect).rejects.toThrow('cancelled');
    await behind;
    expect(inside).toEqual(['first', 'behind']);
  });
});
