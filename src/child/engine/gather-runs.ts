import type { Networks } from './networks.js';

export interface GatherOptions {
  /**
   * Allowed numbers of images per run, ascending. A run is padded with zeros to the next one, so that the device gets few
   * different shapes and its memory use stays bounded.
   */
  readonly batchSizes: readonly [number, ...number[]];
  /** Most input values of a combined run. A single call may have more. */
  readonly maxValues: number;
  /** How long a call waits for others. */
  readonly maxWaitMs: number;
  /** Number of images that are being analyzed. Each makes one call at a time. */
  readonly inFlight: () => number;
}

type Outputs = ReadonlyMap<string, Float32Array>;
type Run = (input: Float32Array, count: number) => Promise<Outputs>;

interface Call {
  readonly input: Float32Array;
  readonly count: number;
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: unknown) => void;
}

/** Calls of one network for images of one size, which can share a run. */
interface Group {
  readonly run: Run;
  readonly calls: Call[];
}

const EMBEDDINGS = 'embeddings';

/**
 * Combines the calls of several images into one run, for devices that compute a batch in parallel.
 *
 * A run starts when all images in flight wait for one (so a single search never waits), when there are enough calls for a
 * full run, or after `maxWaitMs`.
 *
 * @returns the same networks; if a run fails, all of its calls fail
 */
export function gatherRuns(networks: Networks, options: GatherOptions): Networks {
  const groups = new Map<string, Group>();
  let timer: NodeJS.Timeout | undefined;

  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    const due = [...groups.values()];
    groups.clear();
    for (const { run, calls } of due) {
      for (const together of splitIntoRuns(calls, options))
        void runTogether(run, together, options.batchSizes);
    }
  };

  const isDue = (): boolean => {
    const waiting = [...groups.values()];
    const calls = waiting.reduce((sum, group) => sum + group.calls.length, 0);
    return (
      calls >= options.inFlight() || waiting.some((group) => splitIntoRuns(group.calls, options).length > 1)
    );
  };

  const submit = (key: string, run: Run, input: Float32Array, count: number): Promise<Outputs> =>
    new Promise((resolve, reject) => {
      const group = groups.get(key) ?? { run, calls: [] };
      groups.set(key, group);
      group.calls.push({ input, count, resolve, reject });
      if (isDue()) flush();
      else timer ??= setTimeout(flush, options.maxWaitMs);
    });

  return {
    runDetector: (input, count, size) =>
      submit(
        `detector ${size.widthPx} x ${size.heightPx}`,
        (all, total) => networks.runDetector(all, total, size),
        input,
        count,
      ),
    runEmbedder: async (input, count, sizePx) => {
      const run: Run = async (all, total) =>
        new Map([[EMBEDDINGS, await networks.runEmbedder(all, total, sizePx)]]);
      const outputs = await submit(`embedder ${sizePx}`, run, input, count);
      return outputs.get(EMBEDDINGS) as Float32Array;
    },
    release: () => networks.release(),
  };
}

/** Keeps the order of the calls, and makes each run as large as allowed. */
function splitIntoRuns(calls: readonly Call[], { batchSizes, maxValues }: GatherOptions): Call[][] {
  const maxCount = batchSizes.at(-1) as number;
  const runs: Call[][] = [];
  let [count, values] = [0, 0];
  for (const call of calls) {
    count += call.count;
    values += call.input.length;
    const run = runs.at(-1);
    if (run !== undefined && count <= maxCount && values <= maxValues) {
      run.push(call);
    } else {
      runs.push([call]);
      [count, values] = [call.count, call.input.length];
    }
  }
  return runs;
}

async function runTogether(run: Run, calls: readonly Call[], batchSizes: readonly number[]): Promise<void> {
  const count = calls.reduce((sum, call) => sum + call.count, 0);
  const filled = batchSizes.find((size) => size >= count) ?? count;
  try {
    const outputs = await run(joinInputs(calls, count, filled), filled);
    let first = 0;
    for (const call of calls) {
      call.resolve(rowsOf(outputs, first / filled, (first + call.count) / filled));
      first += call.count;
    }
  } catch (error) {
    for (const { reject } of calls) reject(error);
  }
}

function joinInputs(calls: readonly Call[], count: number, filled: number): Float32Array {
  const [only] = calls;
  if (only !== undefined && calls.length === 1 && filled === count) return only.input;
  const values = calls.reduce((sum, { input }) => sum + input.length, 0);
  const joined = new Float32Array((values / count) * filled);
  let offset = 0;
  for (const { input } of calls) {
    joined.set(input, offset);
    offset += input.length;
  }
  return joined;
}

/** @param from where the part begins, as a share of the rows (0..1); `to` likewise */
function rowsOf(outputs: Outputs, from: number, to: number): Outputs {
  return new Map(
    [...outputs].map(([name, values]) => [
      name,
      values.subarray(Math.round(from * values.length), Math.round(to * values.length)),
    ]),
  );
}
