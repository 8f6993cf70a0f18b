import { createRequire } from 'node:module';
import { createCalibration } from '../pipeline/score.js';
import { createDispatcher, IN_FLIGHT_PER_THREAD } from './dispatcher.js';
import type { Engine } from './engine.js';
import { findModelPack } from './model-files.js';
import { packKey } from './pack-key.js';
import { startThreads, type StartThreadsOptions } from './start-threads.js';

const RUNTIME_VERSION = (
  createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
).version;

/**
 * Starts the engine threads. Resolves once each has loaded its models and run them once.
 *
 * @throws {StartupError} the models are missing, or the execution provider that was asked for does not load
 */
export async function createEngine(options: StartThreadsOptions): Promise<Engine> {
  const { modelPack, modelsDir } = options.config;
  const pack = await findModelPack(modelPack, modelsDir);
  const calibration = createCalibration(pack.calibration);
  const { threads, provider } = await startThreads(pack, options);
  const { submit, silentMs, close } = createDispatcher(threads);
  let stopped: Promise<void> | null = null;

  const died = new Promise<Error>((resolve) => {
    for (const thread of threads) {
      void thread.exited.then((error) => {
        if (stopped !== null) return;
        close(error);
        resolve(error);
      });
    }
  });

  const stop = async (): Promise<void> => {
    close(new Error('The engine has stopped'));
    await Promise.all(threads.map((thread) => thread.stop()));
  };

  return {
    name: `onnxruntime-node ${RUNTIME_VERSION}, ${pack.name}`,
    provider,
    threads: threads.length,
    capacity: threads.length * IN_FLIGHT_PER_THREAD,
    calibration,
    pack: { key: packKey(pack), embeddingSize: pack.embedder.embeddingSize },
    analyze: (source, { signal, urgent = false } = {}) =>
      submit((thread) => thread.call('analyze', source), { signal, urgent }),
    identify: (source, { signal, urgent = false } = {}) =>
      submit((thread) => thread.call('identify', source), { signal, urgent }),
    silentMs,
    died,
    stop: () => (stopped ??= stop()),
  };
}
