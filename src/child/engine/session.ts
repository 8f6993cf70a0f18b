import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Outputs, type Run, runInParts } from './run-in-parts.js';

export type ProviderName = 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | 'cpu';

/** Values of an image from which on a CPU computes one image in a run. */
const LARGE_IMAGE_VALUES = 3 * 256 * 256;

/** One loaded network. `run` returns a promise, but blocks its thread. */
export interface Session {
  /** @param shape of `input`, NCHW; any batch */
  run(input: Float32Array, shape: readonly number[]): Promise<Outputs>;
  release(): Promise<void>;
}

/**
 * Opens a model with one input: images as float32, [batch, 3, height, width] or [batch, height, width, 3].
 *
 * @throws {Error} if the file is not such a model, or if the provider does not load
 */
export async function openSession(
  modelPath: string,
  provider: ProviderName,
  intraOpThreads: number,
): Promise<Session> {
  const session = await InferenceSession.create(modelPath, {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Plans of the memory for each size of an image save no time on a CPU, but keep up to 60 MB in each engine thread.
    enableMemPattern: provider !== 'cpu',
    // Errors arrive as exceptions, and onnxruntime's warnings on standard error do not help an operator.
    logSeverityLevel: 3,
  });
  const [input, ...others] = session.inputMetadata;
  if (input?.isTensor !== true || input.shape.length !== 4 || others.length > 0) {
    await session.release();
    throw new Error(`The model ${modelPath} does not have images as its only input`);
  }
  const [batch, , , channels] = input.shape;
  const run: Run = async (values, shape) => {
    const tensor =
      channels === 3
        ? new Tensor('float32', interleave(values, shape), toNhwc(shape))
        : new Tensor('float32', values, shape);
    const outputs = await session.run({ [input.name]: tensor });
    return new Map(Object.entries(outputs).map(([name, output]) => [name, output.data as Float32Array]));
  };
  // A dynamic dimension has a name instead of a number.
  const fixedBatch = typeof batch === 'number' && batch >= 1 ? batch : null;
  const isFixed = fixedBatch !== null;
  return {
    run: (values, shape) => {
      const [count = 1] = shape;
      const maxBatch = fixedBatch ?? (provider === 'cpu' ? maxBatchOnCpu(values.length / count) : count);
      return count === maxBatch || (count < maxBatch && !isFixed)
        ? run(values, shape)
        : runInParts(run, values, shape, { maxBatch, isFixed });
    },
    release: () => session.release(),
  };
}

/**
 * A CPU computes larger batches no faster, and onnxruntime keeps the memory of the largest run: of each thread, up to
 * 200 MB for a crowd (docs/performance.md).
 */
function maxBatchOnCpu(valuesPerImage: number): number {
  return valuesPerImage > LARGE_IMAGE_VALUES ? 1 : 2;
}

function toNhwc([batch = 1, channels = 1, height = 1, width = 1]: readonly number[]): number[] {
  return [batch, height, width, channels];
}

/** From NCHW to NHWC. */
function interleave(
  values: Float32Array,
  [batch = 1, channels = 1, height = 1, width = 1]: readonly number[],
) {
  const pixels = height * width;
  const interleaved = new Float32Array(values.length);
  for (let image = 0; image < batch; image += 1) {
    const start = image * channels * pixels;
    for (let channel = 0; channel < channels; channel += 1) {
      const plane = start + channel * pixels;
      for (let i = 0; i < pixels; i += 1) {
        interleaved[start + i * channels + channel] = values[plane + i] as number;
      }
    }
  }
  return interleaved;
}
