import { createRequire } from 'node:module';
import { createCalibration } from '../../shared/calibration.js';
import { createDispatcher } from './dispatcher.js';
import type { Engine } from './engine.js';
import { describeMachine, type Machine } from './machine.js';
import { createOomLog } from './oom-log.js';
import { findModelPack, licenseOf, packKey } from '../../shared/model-pack.js';
import { startThreads, type StartThreadsOptions } from './start-threads.js';
import { imagesInFlight } from './thread-count.js';

const RUNTIME_VERSION = (
  createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
).version;

type EngineOptions = Omit<StartThreadsOptions, 'machine'>;

/**
 * Starts the engine threads. Resolves once each thread has loaded its models and run them once.
 *
 * @param machine `null` for the machine that this process runs on
 * @throws {StartupError} if the models are missing, or if the configured execution provider does not load
 */
export async function createEngine(options: EngineOptions, machine: Machine | null = null): Promise<Engine> {
  const { modelPack, modelsDir } = options.config;
  const pack = await findModelPack(modelPack, modelsDir);
  const calibration = createCalibration(pack.calibration);
  const { threads, provider, refusals } = await startThreads(pack, {
    ...options,
    machine: machine ?? (await describeMachine()),
  });
  const memory = createOomLog(provider, options.logger);
  const { submit, silentMs, close } = createDispatcher(threads, imagesInFlight(provider));
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
    providerRefusals: refusals,
    capacity: threads.length * imagesInFlight(provider),
    calibration,
    pack: {
      name: pack.name,
      license: licenseOf(pack),
      key: packKey(pack, options.config.galleryUpright),
      embeddingSize: pack.embedder.embeddingSize,
    },
    analyze: (source, { signal, urgent = false, selfie = false, note } = {}) =>
      submit(
        async (thread) => {
          const { image, oomSteps } = await thread.call('analyze', { ...source, selfie });
          for (const step of oomSteps) {
            const sentence = memory.note(step);
            note?.(sentence);
          }
          return image;
        },
        { signal, urgent },
      ),
    identify: (source, { signal, urgent = false } = {}) =>
      submit((thread) => thread.call('identify', source), { signal, urgent }),
    silentMs,
    oomSteps: memory.counts,
    exhausted: memory.spent,
    died,
    stop: () => (stopped ??= stop()),
  };
}
