import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createGpuMonitor, type GpuMonitor } from '../../../src/supervisor/devices/gpu-monitor.js';
import { type NvidiaQuery, parseNvidiaGpus } from '../../../src/supervisor/devices/nvidia-smi.js';
import { readNvidiaFixture } from '../../support/fake-nvidia-smi.js';
import { recordLog } from '../../support/log-recorder.js';

const log = recordLog();
let answer: () => Promise<NvidiaQuery>;
let isNeeded: boolean;
const onFigures = vi.fn();
let monitor: GpuMonitor;

beforeEach(async () => {
  vi.useFakeTimers();
  log.lines.length = 0;
  onFigures.mockClear();
  isNeeded = true;
  const gpus = parseNvidiaGpus(await readNvidiaFixture('one-gpu'));
  answer = () => Promise.resolve({ kind: 'gpus', gpus });
  monitor = createGpuMonitor({
    intervalMs: 1000,
    isNeeded: () => isNeeded,
    onFigures,
    logger: log.logger,
    query: () => answer(),
  });
});
afterEach(() => {
  monitor.stop();
  vi.useRealTimers();
});

const turn = (ms: number) => vi.advanceTimersByTimeAsync(ms);

describe('the GPU monitor', () => {
  it('has the figures of the last answer', async () => {
    monitor.start();
    await turn(0);
    expect([...monitor.figures().keys()]).toEqual(['GPU-b5c1d3a0-7e0f-4f0c-9d7e-0f5b6f0f1a01']);
    expect(monitor.problem()).toBeNull();
    expect(onFigures).toHaveBeenCalledTimes(1);
  });

  it('has no figures after a failed query, and logs the reason once until it works again', async () => {
    monitor.start();
    await turn(0);
    const works = answer;
    answer = () => Promise.resolve({ kind: 'error', reason: 'nvidia-smi still hangs' });
    await turn(3000);
    expect(monitor.figures().size).toBe(0);
    expect(monitor.problem()).toBe('nvidia-smi still hangs');
    answer = works;
    await turn(1000);
    expect(monitor.problem()).toBeNull();
    expect(log.lines.map(({ level, msg }) => [level, msg])).toEqual([
      ['warn', 'The figures of the GPUs are unknown: nvidia-smi still hangs'],
      ['info', 'The figures of the GPUs are known again'],
    ]);
  });

  it('starts no second query while one runs', async () => {
    const query = vi.fn(() => new Promise<NvidiaQuery>(() => undefined));
    answer = query;
    monitor.start();
    await turn(10_000);
    expect(query).toHaveBeenCalledTimes(1);
  });

  it('runs no query without a GPU', async () => {
    isNeeded = false;
    answer = vi.fn(answer);
    monitor.start();
    await turn(3000);
    expect(answer).not.toHaveBeenCalled();
    expect(onFigures).toHaveBeenCalledTimes(4);
  });
});
