import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { ChildStats } from '../../../src/shared/ipc.js';
import { createWatchdog } from '../../../src/supervisor/slots/watchdog.js';

const limits = { pingTimeoutMs: 15_000, inferenceTimeoutMs: 60_000 };
const idle: ChildStats = {
  rssMb: 100,
  cpuPercent: 1,
  eventLoopDelayMaxMs: 1,
  activeJobs: 0,
  stalledReason: null,
  inferenceSilentMs: 0,
  oomSteps: { halved: 0, shrunk: 0, onCpu: 0 },
};

describe('the watchdog', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('does not report a child that answers', () => {
    const onHung = vi.fn();
    const watchdog = createWatchdog(limits, (seq) => watchdog.answered(seq, idle), onHung);
    watchdog.start();
    vi.advanceTimersByTime(300_000);
    expect(onHung).not.toHaveBeenCalled();
  });

  it('reports a child once if its main thread is silent for 15 s', () => {
    const onHung = vi.fn();
    createWatchdog(limits, () => undefined, onHung).start();
    vi.advanceTimersByTime(14_000);
    expect(onHung).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(onHung).toHaveBeenCalledExactlyOnceWith('Its main thread has not answered for 16 s');
  });

  it('reports a child whose inference hangs for 60 s while its main thread answers', () => {
    const onHung = vi.fn();
    let inferenceSilentMs = 0;
    const watchdog = createWatchdog(
      limits,
      (seq) => watchdog.answered(seq, { ...idle, inferenceSilentMs }),
      onHung,
    );
    watchdog.start();
    inferenceSilentMs = 59_999;
    vi.advanceTimersByTime(2000);
    expect(onHung).not.toHaveBeenCalled();
    inferenceSilentMs = 60_000;
    vi.advanceTimersByTime(2000);
    expect(onHung).toHaveBeenCalledExactlyOnceWith('Its inference has made no progress for 60 s');
  });

  it('does not count time in which no ping went out', () => {
    const onHung = vi.fn();
    const watchdog = createWatchdog(limits, () => undefined, onHung);
    watchdog.start();
    vi.setSystemTime(Date.now() + 3_600_000);
    vi.advanceTimersByTime(2000);
    expect(onHung).not.toHaveBeenCalled();
  });
});
