import { InferenceSession, Tensor } from 'onnxruntime-node';

export type ProviderName = 'cuda' | 'tensorrt' | 'webgpu' | 'dml' | 'coreml' | 'cpu';

/** One network, loaded. `run` blocks its thread, whatever its promise says. */
export interface Session {
  /** @param shape of `input`; @returns the outputs by name */
  run(input: Float32Array, shape: readonly number[]): Promise<ReadonlyMap<string, Float32Array>>;
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
  return {
    run: async (values, shape) => {
      const outputs = await session.run({ [input]: new Tensor('float32', values, shape) });
      return new Map(Object.entries(outputs).map(([name, tensor]) => [name, tensor.data as Float32Array]));
    },
    release: () => session.release(),
  };
}
