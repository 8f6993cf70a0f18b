import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../../src/shared/exit-codes.js';
import {
  deadlineOf,
  NEW_SLOT,
  type Slot,
  type SlotCommand,
  type SlotEvent,
  type SlotState,
} from '../../../src/supervisor/slots/slot-state.js';
import { advance } from '../../../src/supervisor/slots/slot-transition.js';

const NOW = 1_000_000;
const SOON = NOW + 120_000;

/** Sends events to a slot and returns its state and the commands of the last event. */
function run(
  slot: Slot,
  ...events: SlotEvent[]
): { slot: Slot; state: SlotState; commands: readonly SlotCommand[] } {
  let commands: readonly SlotCommand[] = [];
  let current = slot;
  for (const event of events) ({ slot: current, commands } = advance(current, event, NOW, () => 1));
  return { slot: current, state: current.state, commands };
}

const start: SlotEvent = { type: 'start' };
const ready = (child: number): SlotEvent => ({ type: 'ready', child });
const exited = (child: number, code: number | null = 1): SlotEvent => ({
  type: 'exited',
  child,
  code,
  description: 'it crashed',
});
const replace = (order: 'start-first' | 'drain-first' | 'at-once'): SlotEvent => ({ type: 'replace', order });

const serving = run(NEW_SLOT, start, ready(0)).slot;
const replacing = run(serving, replace('start-first')).slot;
const inBackoff = run(serving, exited(0)).slot;
const failed = run(NEW_SLOT, start, exited(0, EXIT_CODES.modelsMissing)).slot;
const stuck = (child: number): SlotEvent => ({ type: 'stuck', child, reason: 'it does not end' });
const lost = run(serving, { type: 'device-lost' }, exited(0, 0)).slot;

describe('a slot', () => {
  it.each<[string, Slot, SlotEvent, Partial<SlotState>, SlotCommand[]]>([
    [
      'starts its first child',
      NEW_SLOT,
      start,
      { kind: 'starting', child: 0, startBy: SOON },
      [{ type: 'spawn', child: 0 }],
    ],
    [
      'waits for a killed child that does not end',
      serving,
      stuck(0),
      { kind: 'stuck', child: 0, reason: 'it does not end', after: 'start' },
      [],
    ],
    [
      'takes the end of a stuck child as a crash',
      run(serving, stuck(0)).slot,
      exited(0),
      { kind: 'backoff', until: NOW + 1000, reason: 'it crashed' },
      [],
    ],
    [
      'is lost when a stuck child of a vanished device ends',
      run(serving, stuck(0), { type: 'device-lost' }).slot,
      exited(0),
      { kind: 'lost' },
      [],
    ],
    [
      'stops when a stuck child ends',
      run(serving, { type: 'stop' }, stuck(0)).slot,
      exited(0),
      { kind: 'stopped' },
      [],
    ],
    [
      'does not replace a stuck child',
      run(serving, stuck(0)).slot,
      replace('start-first'),
      { kind: 'stuck' },
      [],
    ],
    [
      'goes on with the successor of a stuck child',
      replacing,
      stuck(0),
      { kind: 'starting', child: 1, startBy: SOON },
      [],
    ],
    [
      'goes on with its child if the successor is stuck',
      replacing,
      stuck(1),
      { kind: 'serving', child: 0 },
      [],
    ],
    [
      'ignores a stuck child that was replaced',
      run(replacing, ready(1)).slot,
      stuck(0),
      { kind: 'serving' },
      [],
    ],
    [
      'serves once its child is ready',
      run(NEW_SLOT, start).slot,
      ready(0),
      { kind: 'serving', child: 0, since: NOW },
      [],
    ],
    [
      'waits after a crash',
      serving,
      exited(0),
      { kind: 'backoff', until: NOW + 1000, reason: 'it crashed' },
      [],
    ],
    [
      'starts again after the backoff',
      inBackoff,
      { type: 'deadline' },
      { kind: 'starting', child: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'fails if a restart cannot fix the problem',
      run(NEW_SLOT, start).slot,
      exited(0, EXIT_CODES.badConfig),
      { kind: 'failed', retryAt: null },
      [],
    ],
    [
      'kills a child that is never ready',
      run(NEW_SLOT, start).slot,
      { type: 'deadline' },
      { kind: 'starting', child: 0, startBy: SOON },
      [{ type: 'kill', child: 0, reason: 'was not ready within 120 s' }],
    ],
    [
      'starts a successor beside the child that serves',
      serving,
      replace('start-first'),
      { kind: 'replacing', child: 0, successor: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'drains the old child once the successor is ready',
      replacing,
      ready(1),
      { kind: 'serving', child: 1 },
      [{ type: 'drain', child: 0, patience: 'long' }],
    ],
    ['keeps the old child when the successor dies', replacing, exited(1), { kind: 'serving', child: 0 }, []],
    [
      'continues with the successor when the old child dies',
      replacing,
      exited(0),
      { kind: 'starting', child: 1 },
      [],
    ],
    [
      'drains first if both do not fit',
      serving,
      replace('drain-first'),
      { kind: 'draining', child: 0, after: 'start' },
      [{ type: 'drain', child: 0, patience: 'normal' }],
    ],
    [
      'does not wait for jobs with at-once',
      serving,
      replace('at-once'),
      { kind: 'draining', child: 0, after: 'start' },
      [{ type: 'drain', child: 0, patience: 'none' }],
    ],
    [
      'starts a new child after draining',
      run(serving, replace('drain-first')).slot,
      exited(0, 0),
      { kind: 'starting', child: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'ends its backoff when it is replaced',
      inBackoff,
      replace('start-first'),
      { kind: 'starting', child: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'tries again when it is replaced after it failed',
      failed,
      replace('start-first'),
      { kind: 'starting', child: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'drains when it is stopped',
      serving,
      { type: 'stop' },
      { kind: 'draining', child: 0, after: 'stop' },
      [{ type: 'drain', child: 0, patience: 'normal' }],
    ],
    [
      'is stopped once the child has exited',
      run(serving, { type: 'stop' }).slot,
      exited(0, 0),
      { kind: 'stopped' },
      [],
    ],
    ['stops at once if nothing runs', inBackoff, { type: 'stop' }, { kind: 'stopped' }, []],
    ['starts nothing for a lost device', lost, { type: 'deadline' }, { kind: 'lost' }, []],
    [
      'starts again when the device is back',
      lost,
      { type: 'device-returned' },
      { kind: 'starting', child: 1 },
      [{ type: 'spawn', child: 1 }],
    ],
    [
      'ignores the exit of a replaced child',
      run(replacing, ready(1)).slot,
      exited(0, 0),
      { kind: 'serving', child: 1 },
      [],
    ],
    [
      'ignores a replacement during a replacement',
      replacing,
      replace('start-first'),
      { kind: 'replacing', successor: 1 },
      [],
    ],
  ])('%s', (_name, slot, event, state, commands) => {
    const step = run(slot, event);
    expect(step.state).toMatchObject(state);
    expect(step.commands).toEqual(commands);
  });

  it('drains both children if it is stopped during a replacement', () => {
    const { state, commands } = run(replacing, { type: 'stop' });
    expect(state).toMatchObject({ kind: 'draining', child: 0, after: 'stop' });
    expect(commands).toEqual([
      { type: 'drain', child: 0, patience: 'normal' },
      { type: 'drain', child: 1, patience: 'none' },
    ]);
  });

  it('does not start again after a stop that came while it drained for a restart', () => {
    expect(run(serving, replace('drain-first'), { type: 'stop' }, exited(0, 0)).state).toEqual({
      kind: 'stopped',
    });
  });

  it('fails after five crashes in a row, and again after its single try', () => {
    let slot = serving;
    for (let child = 0; child < 5; child += 1) {
      slot = run(slot, exited(child), { type: 'deadline' }, ready(child + 1)).slot;
    }
    expect(slot.restarts).toBe(5);
    const again = run(
      NEW_SLOT,
      start,
      exited(0),
      { type: 'deadline' },
      exited(1),
      { type: 'deadline' },
      exited(2),
      { type: 'deadline' },
      exited(3),
      { type: 'deadline' },
      exited(4),
    );
    expect(again.state).toMatchObject({ kind: 'failed', retryAt: NOW + 300_000 });
    expect(run(again.slot, { type: 'deadline' }, exited(5)).state.kind).toBe('failed');
  });

  it('counts only unplanned exits as restarts', () => {
    expect(run(serving, replace('drain-first'), exited(0, 0), ready(1)).slot.restarts).toBe(0);
    expect(run(serving, exited(0)).slot.restarts).toBe(1);
  });

  it('has a deadline in the states that end by themselves', () => {
    expect(deadlineOf(inBackoff.state)).toBe(NOW + 1000);
    expect(deadlineOf(replacing.state)).toBe(SOON);
    expect([serving, lost, failed].map((slot) => deadlineOf(slot.state))).toEqual([null, null, null]);
  });
});
