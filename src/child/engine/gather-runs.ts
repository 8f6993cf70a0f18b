import type { Networks } from './networks.js';

export interface GatherOptions {
  /**
   * Numbers of images that a run may have, rising. A run is filled up with zeros to the next one, so that the device
   * sees few shapes, and its memory stays in bounds.
   */
  readonly batchSizes: readonly [number, ...number[]];
  /** Input values of a run that is put together; a call on its own may have more. */
  readonly maxValues: number;
  /** How long a call waits for others that are on their way. */
  readonly maxWaitMs: number;
  /** Pictures that are being analyzed. Each has one call at a time. */
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

/** Calls of one network for images of one size: they can share runs. */
interface Group {
  readonly run: Run;
  readonly calls: Call[];
}

const EMBEDDINGS = 'embeddings';

/**
 * Puts the calls of several pictures into one run, for a device that computes images side by side.
 *
 * A call runs as soon as all pictures in flight wait for a run (so a search that is alone waits for nobody), there are enough
 * for a full run, or `maxWaitMs` are over.
 *
 * @returns the same networks, whose calls may end together; if a run fails, so does each of its calls
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

/** Calls in their order, each run with as many as it may have. */
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

/** @param from share of the rows (0..1) where the part begins, as `to` is where it ends */
function rowsOf(outputs: Outputs, from: number, to: number): Outputs {
  return new Map(
    [...outputs].map(([name, values]) => [
      name,
      values.subarray(Math.round(from * values.length), Math.round(to * values.length)),
    ]),
  );
}
