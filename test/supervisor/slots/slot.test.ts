import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { type ChildExit, type ChildProcess, forkChild } from '../../../src/supervisor/slots/child-process.js';
import { HALF_OPEN_AFTER_MS } from '../../../src/supervisor/slots/restart-policy.js';
import { rollSlots } from '../../../src/supervisor/slots/rolling-restart.js';
import { createSlot, type SlotRunner } from '../../../src/supervisor/slots/slot.js';
import { loadConfig } from '../../../src/shared/config.js';

const SCRIPTED_CHILD = fileURLToPath(new URL('../../fixtures/scripted-child.mjs', import.meta.url));
const logger = pino({ level: 'silent' });
const config = loadConfig({}, '/nonexistent');

interface TestSlot {
  readonly slot: SlotRunner;
  readonly exits: ChildExit[];
  /** Scripts of the children to come; the last one stays. */
  readonly scripts: string[];
}

const slots: SlotRunner[] = [];

function createTestSlot(...scripts: string[]): TestSlot {
  return createTestSlotOf((child) => child, scripts);
}

function createTestSlotOf(change: (child: ChildProcess) => ChildProcess, scripts: string[]): TestSlot {
  const exits: ChildExit[] = [];
  const fork = (number: number, onReady: () => void): ChildProcess =>
    forkChild({
      number,
      modulePath: SCRIPTED_CHILD,
      environment: { ...process.env, CHILD_SCRIPT: scripts.length > 1 ? scripts.shift() : scripts[0] },
      init: async () => ({
        type: 'init',
        workerId: 'test_cpu0',
        device: { kind: 'cpu', index: 0, name: 'CPU' },
        config,
        cores: 1,
        quiet: false,
        cautious: false,
      }),
      watchdog: { pingTimeoutMs: 500, inferenceTimeoutMs: 60_000 },
      logger,
      onReady,
      onSearchTimed: () => undefined,
      onSearchEnded: () => undefined,
    });
  const slot = createSlot({
    spawn: (number, onReady) => change(fork(number, onReady)),
    onChildExit: (exit) => exits.push(exit),
    onChildStuck: () => undefined,
    onChange: () => undefined,
    drainTimeoutMs: () => 0,
    redisIsUp: () => true,
    random: () => 0,
    logger,
  });
  slots.push(slot);
  slot.send({ type: 'start' });
  return { slot, exits, scripts };
}

/** Takes clock and timers into its hands until the test ends; what it returns lets so many milliseconds pass. */
function holdClock(): (ms: number) => void {
  let now = performance.now();
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => now);
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  onTestFinished(() => {
    vi.useRealTimers();
    clock.mockRestore();
  });
  return (ms) => {
    now += ms;
    vi.advanceTimersByTime(ms);
  };
}

const targets = (all: TestSlot[]) => all.map(({ slot }, i) => ({ id: `test_gpu${i}`, slot }));
const isAtRest = (state: { kind: string }): boolean => ['backoff', 'failed'].includes(state.kind);
const isServing = (state: { kind: string }): boolean => state.kind === 'serving';

afterEach(async () => {
  await Promise.all(slots.splice(0).map((slot) => slot.stop(0)));
});

describe('a slot with real children', () => {
  it('replaces a killed child', async () => {
    const { slot, exits } = createTestSlot('hold-job', 'serve');
    await slot.reached(isServing);
    await vi.waitFor(() => expect(slot.child()?.runningJobs().size).toBe(1));
    const pid = slot.child()?.pid ?? 0;
    process.kill(pid, 'SIGKILL');
    await slot.reached((state) => state.kind === 'backoff');
    await slot.reached(isServing);
    expect(slot.child()?.pid).not.toBe(pid);
    expect(slot.restarts()).toBe(1);
    expect(exits).toMatchObject([{ signal: 'SIGKILL', planned: false, jobs: ['job-1'] }]);
  });

  it('keeps the last error line of a child, not its stack', async () => {
    const { slot, exits } = createTestSlot('crash', 'serve');
    await slot.reached(isServing);
    expect(exits[0]).toMatchObject({ code: 1, error: 'Error: out of luck' });
    expect(exits[0]?.description).toBe('The child exited with code 1: Error: out of luck');
  });

  it("fails with the child's reason if a restart cannot fix it", async () => {
    const { slot } = createTestSlot('bad-config');
    const state = await slot.reached(({ kind }) => kind === 'failed');
    expect(state).toMatchObject({
      retryAt: null,
      reason: expect.stringContaining('The configuration is wrong'),
    });
  });

  it('fails after five crashes in a row', async () => {
    const { slot, exits } = createTestSlot('crash');
    const state = await slot.reached(({ kind }) => kind === 'failed');
    expect(state).toMatchObject({ reason: expect.stringMatching(/Crash loop.*out of luck/) });
    expect(exits).toHaveLength(5);
  });

  it('tries again five minutes after it failed, and recovers if that works', async () => {
    const pass = holdClock();
    const { slot, exits, scripts } = createTestSlot('crash');
    while ((await slot.reached(isAtRest)).kind !== 'failed') pass(1);
    pass(HALF_OPEN_AFTER_MS);
    await slot.reached(isAtRest);
    expect(slot.state().kind).toBe('failed');
    expect(exits).toHaveLength(6);

    scripts.splice(0, 1, 'serve');
    pass(HALF_OPEN_AFTER_MS - 1000);
    expect(slot.state().kind).toBe('failed');
    pass(1000);
    await slot.reached(isServing);
    expect(slot.started()).toBe(7);
  });

  it('kills a child that does not answer, and starts another', async () => {
    const { slot, exits } = createTestSlot('silent', 'serve');
    await slot.reached(({ kind }) => kind === 'backoff');
    await slot.reached(isServing);
    expect(exits[0]).toMatchObject({ signal: 'SIGKILL', planned: false });
    expect(exits[0]?.error).toMatch(/has not answered/);
  });

  it('kills a child that a signal suspended', async () => {
    const { slot, exits } = createTestSlot('serve');
    await slot.reached(isServing);
    process.kill(slot.child()?.pid ?? 0, 'SIGSTOP');
    await slot.reached(({ kind }) => kind === 'backoff');
    expect(exits[0]?.error).toMatch(/has not answered/);
  });

  it('kills a child that ignores the request to drain', async () => {
    const { slot, exits } = createTestSlot('ignore-drain');
    await slot.reached(isServing);
    await slot.stop(0);
    expect(exits).toMatchObject([{ signal: 'SIGKILL', error: expect.stringContaining('still ran') }]);
    expect(slot.state().kind).toBe('stopped');
  });

  it('does not wait for a killed child that does not end', async () => {
    const stuck = 'The child (pid 1) was killed and does not end';
    const { slot } = createTestSlotOf(
      (child) => ({ ...child, exited: new Promise(() => {}), stuck: child.exited.then(() => stuck) }),
      ['serve'],
    );
    await slot.reached(isServing);
    process.kill(slot.child()?.pid ?? 0, 'SIGKILL');
    expect(await slot.reached(({ kind }) => kind === 'stuck')).toMatchObject({ reason: stuck });
    expect(await rollSlots([{ id: 'test_gpu0', slot }], () => 'start-first', logger)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining(stuck),
    });
    await slot.stop(0);
  });

  it('has a new child ready before the old one exits', async () => {
    const { slot } = createTestSlot('serve');
    await slot.reached(isServing);
    const old = slot.child();
    slot.replace('start-first');
    expect(slot.child()).toBe(old);
    await slot.reached((state) => state.kind === 'serving' && state.child === 1);
    expect(await old?.exited).toMatchObject({ code: 0, planned: true });
  });
});

describe('a rolling restart', () => {
  it('replaces every child', async () => {
    const all = [createTestSlot('serve'), createTestSlot('serve')];
    await Promise.all(all.map(({ slot }) => slot.reached(isServing)));
    const pids = all.map(({ slot }) => slot.child()?.pid);
    expect(await rollSlots(targets(all), () => 'start-first', logger)).toMatchObject({
      outcome: 'done',
      replaced: 2,
    });
    for (const [i, { slot }] of all.entries()) expect(slot.child()?.pid).not.toBe(pids[i]);
  });

  it('stops at the first child that fails, and leaves the others running', async () => {
    const all = [createTestSlot('serve'), createTestSlot('serve'), createTestSlot('serve')];
    await Promise.all(all.map(({ slot }) => slot.reached(isServing)));
    const pids = all.map(({ slot }) => slot.child()?.pid);
    all[1]?.scripts.splice(0, 1, 'crash');
    const outcome = await rollSlots(targets(all), () => 'start-first', logger);
    expect(outcome).toMatchObject({
      outcome: 'failed',
      replaced: 1,
      reason: expect.stringContaining('test_gpu1: The child exited with code 1'),
    });
    expect(all[1]?.slot.child()?.pid).toBe(pids[1]);
    expect(all[2]?.slot.child()?.pid).toBe(pids[2]);
    expect(all[1]?.slot.state().kind).toBe('serving');
  });

  it('continues past a slot that had failed before, and says so', async () => {
    const all = [createTestSlot('bad-config'), createTestSlot('serve'), createTestSlot('serve')];
    await Promise.all(
      all.map(({ slot }) => slot.reached(({ kind }) => kind === 'failed' || kind === 'serving')),
    );
    const pids = all.map(({ slot }) => slot.child()?.pid);
    expect(await rollSlots(targets(all), () => 'start-first', logger)).toMatchObject({
      outcome: 'done',
      replaced: 2,
      reason: expect.stringMatching(
        /^Failed before and still fail: test_gpu0: The child exited with code 78/,
      ),
    });
    for (const i of [1, 2]) expect(all[i]?.slot.child()?.pid).not.toBe(pids[i]);
  });

  it('leaves a slot to the restart policy if it drained first and its child failed', async () => {
    const all = [createTestSlot('serve')];
    await all[0]?.slot.reached(isServing);
    all[0]?.scripts.splice(0, 1, 'crash', 'serve');
    expect(await rollSlots(targets(all), () => 'drain-first', logger)).toMatchObject({ outcome: 'failed' });
    await all[0]?.slot.reached(isServing);
  });

  it('tries a failed slot once more', async () => {
    const all = [createTestSlot('bad-config')];
    await all[0]?.slot.reached(({ kind }) => kind === 'failed');
    all[0]?.scripts.splice(0, 1, 'serve');
    expect(await rollSlots(targets(all), () => 'start-first', logger)).toMatchObject({
      outcome: 'done',
      replaced: 1,
    });
  });
});
