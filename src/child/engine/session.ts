import { InferenceSession, Tensor } from 'onnxruntime-node';
import { type Outputs, type Run, runInParts } from './run-in-parts.js';

export type ProviderName = 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | 'cpu';

/** One network, loaded. `run` blocks its thread, whatever its promise says. */
export interface Session {
  /** @param shape of `input`; its first dimension is the batch, of any size */
  run(input: Float32Array, shape: readonly number[]): Promise<Outputs>;
  release(): Promise<void>;
}

/**
 * @param inputName null takes the network's only input
 * @throws {Error} the file is no model, or the provider does not load
 */
export async function openSession(
  modelPath: string,
  inputName: string | null,
  provider: ProviderName,
  intraOpThreads: number,
): Promise<Session> {
  const session = await InferenceSession.create(modelPath, {
    executionProviders: [provider],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: intraOpThreads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    // Errors come as exceptions; onnxruntime's own warnings on standard error say nothing to an operator.
    logSeverityLevel: 3,
  });
  const input = inputName ?? session.inputNames[0];
  if (input === undefined) throw new Error(`The model ${modelPath} has no input`);
  const fixedBatch = fixedBatchOf(session, input);
  const run: Run = async (values, shape) => {
    const outputs = await session.run({ [input]: new Tensor('float32', values, shape) });
    return new Map(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
  };
  return {
    run: (values, shape) =>
      fixedBatch === null || fixedBatch === shape[0]
        ? run(values, shape)
        : runInParts(run, values, shape, { maxBatch: fixedBatch, isFixed: true }),
    release: () => session.release(),
  };
}

/** The only batch size that a model takes, or null if it takes any. */
function fixedBatchOf({ inputMetadata }: InferenceSession, input: string): number | null {
  const metadata = inputMetadata.find(({ name }) => name === input);
  const batch = metadata?.isTensor === true ? metadata.shape[0] : undefined;
  return typeof batch === 'number' && batch > 0 ? batch : null;
}
