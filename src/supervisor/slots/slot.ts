import { performance } from 'node:perf_hooks';
import type { Logger } from '../../shared/logger.js';
import type { ChildExit, ChildProcess } from './child-process.js';
import {
  deadlineOf,
  NEW_SLOT,
  type Patience,
  type ReplaceOrder,
  type Slot,
  type SlotCommand,
  type SlotEvent,
  type SlotState,
  START_TIMEOUT_MS,
} from './slot-state.js';
import { advance } from './slot-transition.js';

/** A replaced child may take this long to finish its jobs, because its successor already serves. */
const LONG_DRAIN_MS = 600_000;

export interface SlotDeps {
  readonly spawn: (number: number, onReady: () => void) => ChildProcess;
  /** Called after every exit, planned or not, before a new child starts. */
  readonly onChildExit: (exit: ChildExit, child: ChildProcess) => void;
  /** Called when a killed child does not end. */
  readonly onChildStuck: (reason: string, child: ChildProcess) => void;
  readonly onChange: () => void;
  readonly drainTimeoutMs: () => number;
  /** Without Redis no child can become ready, so the start timeout does not apply. */
  readonly redisIsUp: () => boolean;
  readonly random?: () => number;
  /** Adds the worker's id to every line. */
  readonly logger: Logger;
}

/** One device's slot: runs the state machine and its commands. */
export interface SlotRunner {
  state(): SlotState;
  restarts(): number;
  /** Number of children started so far, and the number of the next child. */
  started(): number;
  /** How the last child exited, in a sentence. */
  lastExit(): string | null;
  /** The child that takes jobs, or will take them once it is ready. */
  child(): ChildProcess | null;
  /** Every child that still runs, including replaced ones that drain. */
  children(): Iterable<ChildProcess>;
  send(event: SlotEvent): void;
  replace(order: ReplaceOrder): void;
  /** Resolves once the slot is in a state that `accept` accepts. */
  reached(accept: (state: SlotState) => boolean): Promise<SlotState>;
  /** Stops all children within `drainTimeoutMs`, except those that cannot end. A later call may shorten it. */
  stop(drainTimeoutMs: number): Promise<void>;
}

export function createSlot(deps: SlotDeps): SlotRunner {
  const { logger } = deps;
  const random = deps.random ?? Math.random;
  const children = new Map<number, ChildProcess>();
  const waiting = new Set<() => void>();
  let slot: Slot = NEW_SLOT;
  let timer: NodeJS.Timeout | undefined;
  let lastExit: string | null = null;

  const send = (event: SlotEvent): void => {
    const step = advance(slot, event, performance.now(), random);
    const from = slot.state.kind;
    slot = step.slot;
    if (from !== slot.state.kind) {
      logger.info({ from, to: slot.state.kind, event: event.type }, 'Slot state');
    }
    for (const command of step.commands) runCommand(command);
    schedule();
    deps.onChange();
    for (const check of waiting) check();
  };

  const runCommand = (command: SlotCommand): void => {
    switch (command.type) {
      case 'spawn':
        spawn(command.child);
        break;
      case 'drain':
        children.get(command.child)?.drain(patienceMs(command.patience));
        break;
      case 'kill':
        children.get(command.child)?.kill(`It ${command.reason}`);
        break;
    }
  };

  const patienceMs = (patience: Patience): number =>
    ({ long: LONG_DRAIN_MS, normal: deps.drainTimeoutMs(), none: 0 })[patience];

  const spawn = (number: number): void => {
    const child = deps.spawn(number, () => send({ type: 'ready', child: number }));
    children.set(number, child);
    void child.stuck.then((reason) => {
      deps.onChildStuck(reason, child);
      send({ type: 'stuck', child: number, reason });
    });
    void child.exited.then((exit) => {
      children.delete(number);
      lastExit = exit.description;
      deps.onChildExit(exit, child);
      send({ type: 'exited', child: number, code: exit.code, description: exit.description });
    });
  };

  const schedule = (): void => {
    clearTimeout(timer);
    const deadline = deadlineOf(slot.state);
    if (deadline === null) return;
    timer = setTimeout(onTimer, Math.max(0, deadline - performance.now()));
  };

  const onTimer = (): void => {
    const isStarting = slot.state.kind === 'starting' || slot.state.kind === 'replacing';
    if (isStarting && !deps.redisIsUp()) {
      timer = setTimeout(onTimer, START_TIMEOUT_MS);
      return;
    }
    send({ type: 'deadline' });
  };

  const reached = (accept: (state: SlotState) => boolean): Promise<SlotState> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (!accept(slot.state)) return;
        waiting.delete(check);
        resolve(slot.state);
      };
      waiting.add(check);
      check();
    });

  return {
    state: () => slot.state,
    restarts: () => slot.restarts,
    started: () => slot.started,
    lastExit: () => lastExit,
    child: () => children.get(mainChildOf(slot.state) ?? -1) ?? null,
    children: () => children.values(),
    send,
    replace: (order) => send({ type: 'replace', order }),
    reached,
    stop: async (drainTimeoutMs) => {
      send({ type: 'stop' });
      for (const child of children.values()) child.drain(drainTimeoutMs);
      // A child that cannot end is left behind: it dies as soon as what holds it lets go.
      await Promise.all([...children.values()].map((child) => Promise.race([child.exited, child.stuck])));
      clearTimeout(timer);
    },
  };
}

function mainChildOf(state: SlotState): number | null {
  return 'child' in state ? state.child : null;
}
