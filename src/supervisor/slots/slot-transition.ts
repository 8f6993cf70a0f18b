import { decideRestart } from './restart-policy.js';
import {
  type Patience,
  type ReplaceOrder,
  type Slot,
  type SlotCommand,
  type SlotEvent,
  type SlotState,
  START_TIMEOUT_MS,
  type Step,
} from './slot-state.js';

/**
 * Returns the slot's next state and the commands to run. An event that does not apply leaves the state unchanged.
 *
 * @param now milliseconds
 * @param random uniform in 0..1, for the backoff's jitter
 */
export function advance(slot: Slot, event: SlotEvent, now: number, random: () => number): Step {
  switch (event.type) {
    case 'start':
    case 'device-returned':
      return slot.state.kind === 'stopped' || slot.state.kind === 'lost' ? start(slot, now) : stay(slot);
    case 'ready':
      return onReady(slot, event.child, now);
    case 'exited':
      return onExited(slot, event, now, random);
    case 'stuck':
      return onStuck(slot, event);
    case 'deadline':
      return onDeadline(slot, now);
    case 'replace':
      return onReplace(slot, event.order, now);
    case 'stop':
      return leave(slot, 'stop');
    case 'device-lost':
      return leave(slot, 'lose');
  }
}

function stay(slot: Slot): Step {
  return { slot, commands: [] };
}

function to(slot: Slot, state: SlotState, ...commands: SlotCommand[]): Step {
  return { slot: { ...slot, state }, commands };
}

function start(slot: Slot, now: number): Step {
  const child = slot.started;
  return {
    slot: {
      ...slot,
      started: child + 1,
      state: { kind: 'starting', child, startBy: now + START_TIMEOUT_MS },
    },
    commands: [{ type: 'spawn', child }],
  };
}

function onReady(slot: Slot, child: number, now: number): Step {
  const { state } = slot;
  if (state.kind === 'starting' && state.child === child)
    return to(slot, { kind: 'serving', child, since: now });
  if (state.kind === 'replacing' && state.successor === child) {
    return to(
      slot,
      { kind: 'serving', child, since: now },
      { type: 'drain', child: state.child, patience: 'long' },
    );
  }
  return stay(slot);
}

function onExited(slot: Slot, exit: SlotEvent & { type: 'exited' }, now: number, random: () => number): Step {
  const { state } = slot;
  switch (state.kind) {
    case 'starting':
      return state.child === exit.child ? recover(slot, exit, 0, now, random) : stay(slot);
    case 'serving':
      return state.child === exit.child ? recover(slot, exit, now - state.since, now, random) : stay(slot);
    case 'replacing':
      if (state.successor === exit.child)
        return to(slot, { kind: 'serving', child: state.child, since: state.since });
      // The old child died before its successor was ready: the successor is now the slot's child.
      return state.child === exit.child
        ? to(
            { ...slot, restarts: slot.restarts + 1 },
            { kind: 'starting', child: state.successor, startBy: state.startBy },
          )
        : stay(slot);
    case 'draining':
      if (state.child !== exit.child) return stay(slot);
      if (state.after === 'start') return start(slot, now);
      return to(slot, state.after === 'stop' ? { kind: 'stopped' } : { kind: 'lost' });
    case 'stuck':
      if (state.child !== exit.child) return stay(slot);
      if (state.after === 'start') return recover(slot, exit, 0, now, random);
      return to(slot, state.after === 'stop' ? { kind: 'stopped' } : { kind: 'lost' });
    case 'stopped':
    case 'backoff':
    case 'failed':
    case 'lost':
      return stay(slot);
  }
}

function recover(
  slot: Slot,
  exit: SlotEvent & { type: 'exited' },
  servedMs: number,
  now: number,
  random: () => number,
): Step {
  const decision = decideRestart(
    slot.crashes,
    { now, code: exit.code, servedMs, description: exit.description },
    random,
  );
  const next: Slot = { ...slot, crashes: decision.history, restarts: slot.restarts + 1 };
  return decision.kind === 'retry'
    ? to(next, { kind: 'backoff', until: decision.at, reason: exit.description })
    : to(next, { kind: 'failed', reason: decision.reason, retryAt: decision.retryAt });
}

function onStuck(slot: Slot, { child, reason }: SlotEvent & { type: 'stuck' }): Step {
  const { state } = slot;
  switch (state.kind) {
    case 'starting':
    case 'serving':
      return state.child === child ? to(slot, { kind: 'stuck', child, reason, after: 'start' }) : stay(slot);
    case 'draining':
      return state.child === child
        ? to(slot, { kind: 'stuck', child, reason, after: state.after })
        : stay(slot);
    // The other child serves, or will serve.
    case 'replacing':
      if (state.successor === child)
        return to(slot, { kind: 'serving', child: state.child, since: state.since });
      return state.child === child
        ? to(slot, { kind: 'starting', child: state.successor, startBy: state.startBy })
        : stay(slot);
    case 'stuck':
    case 'stopped':
    case 'backoff':
    case 'failed':
    case 'lost':
      return stay(slot);
  }
}

function onDeadline(slot: Slot, now: number): Step {
  const { state } = slot;
  const startBy = now + START_TIMEOUT_MS;
  const tooSlow = `was not ready within ${START_TIMEOUT_MS / 1000} s`;
  switch (state.kind) {
    case 'starting':
      return to(slot, { ...state, startBy }, { type: 'kill', child: state.child, reason: tooSlow });
    case 'replacing':
      return to(slot, { ...state, startBy }, { type: 'kill', child: state.successor, reason: tooSlow });
    case 'backoff':
      return start(slot, now);
    case 'failed':
      return tryOnce(slot, now);
    case 'stopped':
    case 'serving':
    case 'draining':
    case 'stuck':
    case 'lost':
      return stay(slot);
  }
}

function onReplace(slot: Slot, order: ReplaceOrder, now: number): Step {
  const { state } = slot;
  switch (state.kind) {
    case 'serving':
      if (order !== 'start-first') {
        return drainThen(slot, state.child, 'start', order === 'at-once' ? 'none' : 'normal');
      }
      return to(
        { ...slot, started: slot.started + 1 },
        { ...state, kind: 'replacing', successor: slot.started, startBy: now + START_TIMEOUT_MS },
        { type: 'spawn', child: slot.started },
      );
    case 'starting':
      return drainThen(slot, state.child, 'start', 'none');
    case 'backoff':
      return start(slot, now);
    case 'failed':
      return tryOnce(slot, now);
    case 'stopped':
    case 'replacing':
    case 'draining':
    case 'stuck':
    case 'lost':
      return stay(slot);
  }
}

function leave(slot: Slot, after: 'stop' | 'lose'): Step {
  const { state } = slot;
  switch (state.kind) {
    case 'starting':
    case 'serving':
      return drainThen(slot, state.child, after, 'normal');
    case 'replacing': {
      const { slot: next, commands } = drainThen(slot, state.child, after, 'normal');
      return {
        slot: next,
        commands: [...commands, { type: 'drain', child: state.successor, patience: 'none' }],
      };
    }
    case 'draining':
    case 'stuck':
      return to(slot, { ...state, after });
    case 'stopped':
    case 'backoff':
    case 'failed':
    case 'lost':
      return to(slot, after === 'stop' ? { kind: 'stopped' } : { kind: 'lost' });
  }
}

function drainThen(slot: Slot, child: number, after: 'start' | 'stop' | 'lose', patience: Patience): Step {
  return to(slot, { kind: 'draining', child, after }, { type: 'drain', child, patience });
}

/** Gives a failed slot one try. If the child crashes again soon, the slot fails at once. */
function tryOnce(slot: Slot, now: number): Step {
  return start({ ...slot, crashes: { ...slot.crashes, halfOpen: true } }, now);
}
