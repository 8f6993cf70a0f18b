import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Device } from '../../../src/shared/device.js';
import type { KernelLog } from '../../../src/supervisor/devices/kernel-log.js';
import { createXidWatch, type XidWatch } from '../../../src/supervisor/devices/xid-watch.js';
import { CPU, GPU } from '../../support/devices.js';
import { recordLog } from '../../support/log-recorder.js';

const FIRST: Device = { ...GPU, pciBusId: '00000000:3B:00.0' };
const SECOND: Device = { ...GPU, index: 1, uuid: 'GPU-other', pciBusId: '00000000:5E:00.0' };
const instance = (number: number): Device => ({
  ...GPU,
  pciBusId: '00000000:3B:00.0',
  uuid: `MIG-${number}`,
  mig: { number, gpuUuid: GPU.uuid },
});
const OFF_THE_BUS = '[ 5061.87] NVRM: Xid (PCI:0000:3b:00): 79, pid=1, GPU has fallen off the bus.';
const PAGE_FAULT = '[ 5070.11] NVRM: Xid (PCI:0000:3b:00): 31, pid=2, Ch 00000009';

const text = (...lines: string[]): KernelLog => ({ kind: 'text', text: lines.join('\n') });

let watch: XidWatch;
let log: ReturnType<typeof recordLog>;
let answer: KernelLog;
let readings: number;

function watchOver(...devices: Device[]): void {
  const workers = devices.map((device, k) => ({ id: `worker-${k}`, device }));
  watch = createXidWatch(
    () => workers,
    log.logger,
    () => {
      readings += 1;
      return Promise.resolve(answer);
    },
  );
}

async function refresh(): Promise<void> {
  watch.refresh();
  await turn();
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  log = recordLog();
  answer = text();
  readings = 0;
});
afterEach(() => {
  watch.stop();
  vi.useRealTimers();
});

describe('the Xid watch', () => {
  it('keeps the last Xid of each GPU, and explains it once', async () => {
    watchOver(FIRST, SECOND, CPU);
    await refresh();
    expect([FIRST, SECOND, CPU].map(watch.lastXid)).toEqual([null, null, null]);
    answer = text(OFF_THE_BUS);
    await refresh();
    await refresh();
    expect([FIRST, SECOND, CPU].map(watch.lastXid)).toEqual([79, null, null]);
    expect(log.lines).toEqual([
      expect.objectContaining({
        level: 'error',
        workers: ['worker-0'],
        xid: 79,
        line: OFF_THE_BUS,
        msg: expect.stringMatching(/^The GPU reported Xid 79: the GPU has fallen off the bus; restart/),
      }),
    ]);
    answer = text(OFF_THE_BUS, PAGE_FAULT);
    await refresh();
    expect(watch.lastXid(FIRST)).toBe(31);
    expect(log.lines).toHaveLength(2);
  });

  it('reports the cause and its consequences if they appear together', async () => {
    watchOver(FIRST);
    await refresh();
    answer = text(PAGE_FAULT, OFF_THE_BUS);
    await refresh();
    expect(log.lines.map(({ xid }) => xid)).toEqual([31, 79]);
    expect(watch.lastXid(FIRST)).toBe(79);
  });

  it('does not report an Xid from before the start as new', async () => {
    watchOver(FIRST);
    answer = text(OFF_THE_BUS);
    watch.start();
    await turn();
    expect(watch.lastXid(FIRST)).toBe(79);
    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'warn', msg: expect.stringMatching(/^Before this start, .* Xid 79/) }),
    ]);
  });

  it('keeps an Xid that the kernel log has dropped', async () => {
    watchOver(FIRST);
    answer = text(OFF_THE_BUS);
    await refresh();
    answer = text('something else');
    await refresh();
    expect(watch.lastXid(FIRST)).toBe(79);
  });

  it('reports all workers on the instances of one GPU together', async () => {
    watchOver(instance(0), instance(1), SECOND);
    await refresh();
    answer = text(PAGE_FAULT);
    await refresh();
    expect(log.lines).toEqual([expect.objectContaining({ workers: ['worker-0', 'worker-1'], xid: 31 })]);
    expect(watch.lastXid(instance(1))).toBe(31);
  });

  it('ignores GPUs without a worker', async () => {
    watchOver(SECOND);
    answer = text(OFF_THE_BUS);
    await refresh();
    expect(log.lines).toEqual([]);
  });

  it('reads the log once a minute, and never without a GPU', async () => {
    watchOver(FIRST);
    watch.start();
    for (const expected of [1, 2, 3]) {
      await turn();
      expect(readings).toBe(expected);
      vi.advanceTimersByTime(60_000);
    }
    watch.stop();
    readings = 0;
    watchOver(CPU);
    watch.start();
    vi.advanceTimersByTime(600_000);
    expect(readings).toBe(0);
  });

  it('reads once more after events during a read', async () => {
    watchOver(FIRST);
    watch.refresh();
    watch.refresh();
    watch.refresh();
    expect(readings).toBe(1);
    await turn();
    expect(readings).toBe(2);
  });

  it('logs once that reading is not permitted, and stops', async () => {
    watchOver(FIRST);
    answer = { kind: 'refused', reason: 'dmesg: read kernel buffer failed: Operation not permitted' };
    watch.start();
    await turn();
    answer = text(OFF_THE_BUS);
    vi.advanceTimersByTime(600_000);
    await refresh();
    expect(readings).toBe(1);
    expect(watch.lastXid(FIRST)).toBeNull();
    expect(log.lines).toEqual([
      expect.objectContaining({ level: 'info', msg: expect.stringMatching(/docs\/gpu\.md.*not permitted/) }),
    ]);
  });

  it('tries again if dmesg did not answer in time', async () => {
    watchOver(FIRST);
    answer = { kind: 'late' };
    await refresh();
    answer = text(OFF_THE_BUS);
    await refresh();
    expect(watch.lastXid(FIRST)).toBe(79);
  });
});
