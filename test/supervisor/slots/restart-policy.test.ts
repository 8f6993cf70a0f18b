import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../../src/shared/exit-codes.js';
import {
  type CrashHistory,
  CRASH_LOOP_EXITS,
  decideRestart,
  HALF_OPEN_AFTER_MS,
  NO_CRASHES,
  type RestartDecision,
} from '../../../src/supervisor/slots/restart-policy.js';

const crash = (now: number, servedMs = 0, code: number | null = 1) => ({
  now,
  code,
  servedMs,
  description: 'it crashed',
});
const latest = (): number => 1;

/** Crashes one after another, `gapMs` apart, and returns the last decision. */
function crashRepeatedly(times: number, gapMs: number, servedMs = 0): RestartDecision {
  let history: CrashHistory = NO_CRASHES;
  let decision: RestartDecision | undefined;
  for (let i = 0; i < times; i += 1) {
    decision = decideRestart(history, crash(i * gapMs, servedMs), latest);
    history = decision.history;
  }
  if (decision === undefined) throw new Error('no crash');
  return decision;
}

describe('a child that ended unplanned', () => {
  it('restarts within a second after the first crash', () => {
    expect(decideRestart(NO_CRASHES, crash(5000), () => 0)).toMatchObject({ kind: 'retry', at: 5000 });
    expect(decideRestart(NO_CRASHES, crash(5000), latest)).toMatchObject({ kind: 'retry', at: 6000 });
  });

  it.each([
    [2, 2000],
    [3, 4000],
    [4, 8000],
    [8, 60_000],
    [20, 60_000],
  ])('waits after crash %i in a row for at most %i ms', (times, ceilingMs) => {
    const gapMs = 30_000;
    expect(crashRepeatedly(times, gapMs)).toMatchObject({
      kind: 'retry',
      at: (times - 1) * gapMs + ceilingMs,
    });
  });

  it('has the shortest backoff again after it served for a minute', () => {
    expect(crashRepeatedly(10, 100_000, 60_000)).toMatchObject({ kind: 'retry', at: 9 * 100_000 + 1000 });
  });

  it('fails after five exits within a minute, and tries again five minutes later', () => {
    const decision = crashRepeatedly(CRASH_LOOP_EXITS, 10_000);
    expect(decision).toMatchObject({ kind: 'give-up', retryAt: 40_000 + HALF_OPEN_AFTER_MS });
    expect(decision.kind === 'give-up' && decision.reason).toMatch(
      /Crash loop: 5 unplanned exits.*it crashed/,
    );
  });

  it('does not fail after five exits over a longer time', () => {
    expect(crashRepeatedly(CRASH_LOOP_EXITS, 16_000).kind).toBe('retry');
  });

  it('fails at once if its single try crashes too', () => {
    const history = { ...NO_CRASHES, halfOpen: true };
    expect(decideRestart(history, crash(0, 59_999), latest).kind).toBe('give-up');
    expect(decideRestart(history, crash(0, 60_000), latest).kind).toBe('retry');
  });

  it.each([EXIT_CODES.badConfig, EXIT_CODES.modelsMissing, EXIT_CODES.providerUnavailable])(
    'does not restart after exit code %i, which a restart cannot fix',
    (code) => {
      expect(decideRestart(NO_CRASHES, crash(0, 0, code), latest)).toMatchObject({
        kind: 'give-up',
        retryAt: null,
        reason: 'it crashed',
      });
    },
  );
});
