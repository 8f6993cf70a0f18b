import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { gatherRuns, type GatherOptions } from '../../../src/child/engine/gather-runs.js';
import type { Networks } from '../../../src/child/engine/networks.js';

const SMALL = { widthPx: 1, heightPx: 1 };
const LARGE = { widthPx: 2, heightPx: 1 };
/** Values of an image of `SMALL`. */
const VALUES = 3;

let runs: string[];
let inFlight: number;

beforeEach(() => {
  runs = [];
  inFlight = 1;
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Networks that give for each image its first value, and note every run. */
const networks: Networks = {
  runDetector: async (input, count, { widthPx, heightPx }) => {
    runs.push(`detector ${count} x ${widthPx}x${heightPx}`);
    return new Map([
      ['first', firstValues(input, count)],
      ['doubled', Float32Array.from(firstValues(input, count)).map((value) => 2 * value)],
    ]);
  },
  runEmbedder: async (input, count) => {
    runs.push(`embedder ${count}`);
    return firstValues(input, count);
  },
  release: async () => {
    runs.push('release');
  },
};

function firstValues(input: Float32Array, count: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => input[(i * input.length) / count] ?? Number.NaN);
}

function open(options: Partial<GatherOptions> = {}): Networks {
  return gatherRuns(networks, {
    batchSizes: [1, 2, 4],
    maxValues: 1000,
    maxWaitMs: 4,
    inFlight: () => inFlight,
    ...options,
  });
}

const images = (...values: number[]): Float32Array =>
  Float32Array.from(values.flatMap((value) => [value, ...Array.from({ length: VALUES - 1 }, () => 0)]));

describe('gatherRuns', () => {
  it('runs a call at once if no other image is in flight', async () => {
    expect(await open().runEmbedder(images(7), 1, 1)).toEqual(Float32Array.of(7));
    expect(runs).toEqual(['embedder 1']);
  });

  it('runs once all images in flight wait, and returns each call its own rows', async () => {
    inFlight = 2;
    const { runDetector } = open();

    const [a, b] = await Promise.all([
      runDetector(images(1), 1, SMALL),
      runDetector(images(2, 3, 4), 3, SMALL),
    ]);

    expect(runs).toEqual(['detector 4 x 1x1']);
    expect(a.get('first')).toEqual(Float32Array.of(1));
    expect(b.get('first')).toEqual(Float32Array.of(2, 3, 4));
  });

  it('pads a run to the next allowed number of images', async () => {
    inFlight = 2;
    const { runEmbedder } = open();

    const answers = await Promise.all([runEmbedder(images(1), 1, 1), runEmbedder(images(2, 3), 2, 1)]);

    expect(runs).toEqual(['embedder 4']);
    expect(answers).toEqual([Float32Array.of(1), Float32Array.of(2, 3)]);
  });

  it('combines only calls of one network and one image size', async () => {
    inFlight = 3;
    const { runDetector, runEmbedder } = open();

    await Promise.all([
      runDetector(images(1), 1, SMALL),
      runDetector(images(1, 0), 1, LARGE),
      runEmbedder(images(1), 1, 1),
    ]);

    expect(runs.toSorted()).toEqual(['detector 1 x 1x1', 'detector 1 x 2x1', 'embedder 1']);
  });

  it('waits only a few milliseconds for other calls', async () => {
    inFlight = 2;
    const answer = open().runEmbedder(images(5), 1, 1);

    await vi.advanceTimersByTimeAsync(3);
    expect(runs).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);

    expect(await answer).toEqual(Float32Array.of(5));
  });

  it.each([
    ['images', { batchSizes: [1, 2] }],
    ['values', { maxValues: 2 * VALUES }],
  ] as const)('into no more than one run may have: %s', async (_, limits) => {
    inFlight = 9;
    const { runEmbedder } = open(limits);

    const answers = await Promise.all([1, 2, 3].map((value) => runEmbedder(images(value), 1, 1)));

    expect(runs).toEqual(['embedder 2', 'embedder 1']);
    expect(answers.map(([value]) => value)).toEqual([1, 2, 3]);
  });

  it('runs a call that exceeds the limits on its own', async () => {
    expect(await open().runEmbedder(images(1, 2, 3, 4, 5), 5, 1)).toEqual(Float32Array.of(1, 2, 3, 4, 5));
    expect(runs).toEqual(['embedder 5']);
  });

  it('fails all calls of a failed run, and continues with the next one', async () => {
    inFlight = 2;
    const failure = new Error('device lost');
    const runEmbedder = vi.fn(networks.runEmbedder).mockRejectedValueOnce(failure);
    const gathered = gatherRuns(
      { ...networks, runEmbedder },
      { batchSizes: [2], maxValues: 1000, maxWaitMs: 4, inFlight: () => inFlight },
    );

    const answers = await Promise.allSettled([
      gathered.runEmbedder(images(1), 1, 1),
      gathered.runEmbedder(images(2), 1, 1),
    ]);
    expect(answers).toEqual([
      { status: 'rejected', reason: failure },
      { status: 'rejected', reason: failure },
    ]);

    inFlight = 1;
    expect(await gathered.runEmbedder(images(3), 1, 1)).toEqual(Float32Array.of(3));
  });

  it('releases the networks', async () => {
    await open().release();
    expect(runs).toEqual(['release']);
  });
});
