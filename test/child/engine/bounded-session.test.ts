import { beforeEach, describe, expect, it } from 'vitest';
import { openBoundedSession } from '../../../src/child/engine/bounded-session.js';
import { MAX_FALLS, type OomStep, QUIET_MS } from '../../../src/child/engine/oom-fallback.js';
import type { Session } from '../../../src/child/engine/session.js';

const NO_ROOM =
  'onnxruntime::BFCArena::AllocateRawInternal Failed to allocate memory for requested buffer of size 643840';
const LOST = 'WebGPU device lost (1): A valid external Instance reference no longer exists.';

/** Doubles each value. `fits` says of a batch whether the device has room for it. */
let fits: (batch: number) => boolean;
let failure: string;
/** `gpu:<batch>` or `cpu:<batch>` for each run that was tried, and what was opened and released. */
let events: string[];
let steps: OomStep[];
let nowMs: number;

beforeEach(() => {
  [fits, failure, events, steps, nowMs] = [() => true, NO_ROOM, [], [], 0];
});

function fakeSession(place: 'gpu' | 'cpu'): Session {
  events.push(`open ${place}`);
  return {
    run: async (input, [batch = 0]) => {
      events.push(`${place}:${batch}`);
      if (place === 'gpu' && !fits(batch)) throw new Error(failure);
      return new Map([
        ['doubled', input.map((value) => 2 * value)],
        ['first', input.filter((_, i) => i % 2 === 0)],
      ]);
    },
    release: async () => void events.push(`release ${place}`),
  };
}

const open = (): Promise<Session> =>
  openBoundedSession({
    openOnDevice: async () => fakeSession('gpu'),
    openOnCpu: async () => fakeSession('cpu'),
    onStep: (step) => steps.push(step),
    now: () => nowMs,
  });

/** Two values an image: 0, 1, 2, … */
const run = async (session: Session, batch: number) => {
  const input = Float32Array.from({ length: 2 * batch }, (_, i) => i);
  const outputs = await session.run(input, [batch, 2]);
  expect(outputs.get('doubled')).toEqual(input.map((value) => 2 * value));
  expect(outputs.get('first')).toEqual(input.filter((_, i) => i % 2 === 0));
};

describe('a bounded session', () => {
  it('runs the whole batch on a device with enough memory, and opens nothing on the CPU', async () => {
    await run(await open(), 5);
    expect(events).toEqual(['open gpu', 'gpu:5']);
    expect(steps).toEqual([]);
  });

  it('returns the same answer in batches of two if the device has memory for two, and keeps that size for a minute', async () => {
    fits = (batch) => batch <= 2;
    const session = await open();
    await run(session, 5);
    expect(steps).toEqual(['halved']);
    expect(events).toEqual(['open gpu', 'gpu:5', 'gpu:2', 'gpu:2', 'gpu:1']);
    await run(session, 4);
    expect(events.slice(5)).toEqual(['gpu:2', 'gpu:2']);
    nowMs = QUIET_MS;
    fits = () => true;
    await run(session, 4);
    expect(events.at(-1)).toBe('gpu:4');
  });

  it('is reopened to free its arena if even one image does not fit', async () => {
    fits = () => events.filter((event) => event === 'open gpu').length === 2;
    await run(await open(), 2);
    expect(steps).toEqual(['halved', 'shrunk']);
    expect(events).toEqual(['open gpu', 'gpu:2', 'gpu:1', 'release gpu', 'open gpu', 'gpu:1', 'gpu:1']);
  });

  it('runs the same batch on the CPU if the device stays exhausted, and releases the device', async () => {
    fits = () => false;
    const session = await open();
    await run(session, 3);
    expect(steps).toEqual(['halved', 'shrunk', 'on-cpu']);
    expect(events.slice(-4)).toEqual(['open cpu', 'cpu:1', 'cpu:1', 'cpu:1']);
    expect(events.filter((event) => event.endsWith('e gpu') || event === 'open gpu')).toEqual([
      'open gpu',
      'release gpu',
      'open gpu',
      'release gpu',
    ]);
    await run(session, 3);
    expect(events.at(-1)).toBe('cpu:3');
  });

  it('uses the device again after a minute', async () => {
    fits = () => false;
    const session = await open();
    await run(session, 1);
    nowMs = QUIET_MS;
    fits = () => true;
    await run(session, 4);
    expect(events.slice(-2)).toEqual(['open gpu', 'gpu:4']);
  });

  it('uses the CPU if the device cannot be opened again', async () => {
    fits = () => false;
    let opened = 0;
    const session = await openBoundedSession({
      openOnDevice: async () => {
        opened += 1;
        if (opened > 1) throw new Error('CUDA failure 2: out of memory ; GPU=0 ; expr=cudaMalloc');
        return fakeSession('gpu');
      },
      openOnCpu: async () => fakeSession('cpu'),
      onStep: (step) => steps.push(step),
      now: () => nowMs,
    });
    await run(session, 1);
    expect(steps).toEqual(['shrunk', 'on-cpu']);
  });

  it('gives up a device that is exhausted minute after minute, and still answers on the CPU', async () => {
    fits = () => false;
    const session = await open();
    for (let round = 0; round < MAX_FALLS; round += 1) {
      nowMs = round * QUIET_MS;
      await run(session, 1);
    }
    expect(steps.at(-1)).toBe('spent');
    nowMs = 1e9;
    await run(session, 2);
    expect(events.at(-1)).toBe('cpu:2');
  });

  it('gives up a lost device at once, even if it cannot be released', async () => {
    [fits, failure] = [() => false, LOST];
    const session = await openBoundedSession({
      openOnDevice: async () => ({
        ...fakeSession('gpu'),
        release: () => Promise.reject(new Error(LOST)),
      }),
      openOnCpu: async () => fakeSession('cpu'),
      onStep: (step) => steps.push(step),
      now: () => nowMs,
    });
    await run(session, 2);
    expect(steps).toEqual(['spent']);
    expect(events.at(-1)).toBe('cpu:2');
  });
});

describe('every bounded session', () => {
  it('throws errors that are not about memory, and takes no step', async () => {
    [fits, failure] = [() => false, 'Got invalid dimensions for input'];
    const session = await open();
    await expect(run(session, 2)).rejects.toThrow('Got invalid dimensions');
    fits = () => true;
    await run(session, 2);
    expect(steps).toEqual([]);
  });

  it('runs concurrent calls one after the other, so that no session is released during a run', async () => {
    fits = (batch) => batch <= 2 && events.includes('release gpu');
    const session = await open();
    await Promise.all([run(session, 4), run(session, 2)]);
    expect(steps).toEqual(['halved', 'halved', 'shrunk']);
    expect(events.at(-1)).toBe('gpu:1');
  });

  it('reports why it does not open', async () => {
    const opening = openBoundedSession({
      openOnDevice: () => Promise.reject(new Error('no such provider')),
      openOnCpu: async () => fakeSession('cpu'),
      onStep: (step) => steps.push(step),
      now: () => nowMs,
    });
    await expect(opening).rejects.toThrow('no such provider');
  });

  it('releases all sessions that it has opened', async () => {
    fits = () => false;
    const session = await open();
    await run(session, 1);
    nowMs = QUIET_MS;
    fits = () => true;
    await run(session, 1);
    events.length = 0;
    await session.release();
    expect(events).toEqual(['release gpu', 'release cpu']);
  });
});
