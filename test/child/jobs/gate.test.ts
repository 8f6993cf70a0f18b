import { describe, expect, it } from 'vitest';
import { createGate, type Gate } from '../../../src/child/jobs/gate.js';

const never = new AbortController().signal;

/** Enters, and adds the name to `inside` once the gate admits it. */
function enter(gate: Gate, name: string, alone: boolean, inside: string[], signal = never) {
  return gate.enter(alone, signal).then((leave) => {
    inside.push(name);
    return () => {
      inside.splice(inside.indexOf(name), 1);
      leave();
    };
  });
}

const settle = (): Promise<void> => new Promise(setImmediate);

describe('the gate', () => {
  it('admits ordinary jobs at the same time', async () => {
    const gate = createGate();
    const inside: string[] = [];
    await Promise.all([enter(gate, 'a', false, inside), enter(gate, 'b', false, inside)]);
    expect(inside).toEqual(['a', 'b']);
  });

  it('admits a crash suspect alone, and later jobs after it', async () => {
    const gate = createGate();
    const inside: string[] = [];
    const leaveFirst = await enter(gate, 'first', false, inside);
    const suspect = enter(gate, 'suspect', true, inside);
    const behind = enter(gate, 'behind', false, inside);
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

  it('drops a waiting job that is stopped', async () => {
    const gate = createGate();
    const inside: string[] = [];
    const stop = new AbortController();
    await enter(gate, 'first', false, inside);
    const suspect = enter(gate, 'suspect', true, inside, stop.signal);
    const behind = enter(gate, 'behind', false, inside);
    stop.abort(new Error('cancelled'));
    await expect(suspect).rejects.toThrow('cancelled');
    await behind;
    expect(inside).toEqual(['first', 'behind']);
  });
});
