import { createRequire } from 'node:module';
import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import { messageOf, StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { Logger } from '../../shared/logger.js';
import { createCalibration } from '../pipeline/score.js';
import type { Engine, Picture, PictureSource } from './engine.js';
import { type EngineThread, startEngineThread } from './engine-thread-handle.js';
import { findModelPack, type ModelPack } from './model-files.js';
import { CUDA_INSTALL_HINT, planProviders } from './providers.js';
import type { ProviderName } from './session.js';
import { chooseThreads } from './thread-count.js';

/** While one picture is in inference, the thread decodes the next one. */
const IN_FLIGHT_PER_THREAD = 2;

const RUNTIME_VERSION = (
  createRequire(import.meta.url)('onnxruntime-node/package.json') as { version: string }
).version;

export interface EngineOptions {
  readonly device: Device;
  readonly config: Config['engine'];
  readonly logger: Logger;
}

interface Waiting {
  readonly source: PictureSource;
  readonly start: (thread: EngineThread) => void;
}

/**
 * Starts the engine threads. Resolves once each has loaded its models and run one inference.
 *
 * @throws {StartupError} the models are missing, or the provider that was asked for does not load
 */
export async function createEngine({ device, config, logger }: EngineOptions): Promise<Engine> {
  const pack = await findModelPack(config.modelPack, config.modelsDir);
  const calibration = createCalibration(pack.calibration);
  const first = await startFirstThread(pack, { device, config, logger });
  const { threads: count, intraOpThreads } = chooseThreads(first.provider, config.threads);
  const threads = [first.thread];
  while (threads.length < count) {
    threads.push(await startThread(pack, config, first.provider, intraOpThreads));
  }

  const waiting: Waiting[] = [];
  let lastProgressAt = performance.now();
  let stopping = false;

  const dispatch = (): void => {
    for (;;) {
      const thread = leastBusy(threads);
      if (thread === null) return;
      const next = waiting.shift();
      if (next === undefined) return;
      next.start(thread);
    }
  };
  const inFlight = (): number => threads.reduce((sum, thread) => sum + thread.inFlight(), 0);

  const analyze = (source: PictureSource, signal?: AbortSignal): Promise<Picture> =>
    new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const onAbort = (): void => {
        const index = waiting.indexOf(request);
        if (index >= 0) waiting.splice(index, 1);
        reject(signal?.reason as Error);
      };
      const request: Waiting = {
        source,
        start: (thread) => {
          if (inFlight() === 0) lastProgressAt = performance.now();
          thread
            .analyze(source)
            .then(resolve, reject)
            .finally(() => {
              lastProgressAt = performance.now();
              signal?.removeEventListener('abort', onAbort);
              dispatch();
            });
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      waiting.push(request);
      dispatch();
    });

  const died = new Promise<Error>((resolve) => {
    for (const thread of threads) {
      void thread.exited.then((error) => {
        if (!stopping) resolve(error);
      });
    }
  });

  return {
    name: `onnxruntime-node ${RUNTIME_VERSION}, ${pack.name}`,
    provider: first.provider,
    threads: threads.length,
    capacity: threads.length * IN_FLIGHT_PER_THREAD,
    scoreOf: calibration.scoreOf,
    analyze,
    silentMs: () => (inFlight() === 0 ? 0 : performance.now() - lastProgressAt),
    died,
    stop: async () => {
      stopping = true;
      await Promise.all(threads.map((thread) => thread.stop()));
    },
  };
}

/** The first thread finds out which provider works; the others take the same. */
async function startFirstThread(
  pack: ModelPack,
  { device, config, logger }: EngineOptions,
): Promise<{ thread: EngineThread; provider: ProviderName }> {
  const { candidates, isExplicit } = planProviders(device, config.provider);
  for (const [i, provider] of candidates.entries()) {
    const { intraOpThreads } = chooseThreads(provider, config.threads);
    try {
      return { thread: await startThread(pack, config, provider, intraOpThreads), provider };
    } catch (error) {
      const hint = provider === 'cuda' ? ` ${CUDA_INSTALL_HINT}` : '';
      const sentence = `The execution provider ${provider} does not load: ${messageOf(error)}.${hint}`;
      const next = candidates[i + 1];
      if (next === undefined) {
        throw new StartupError(sentence, isExplicit ? EXIT_CODES.providerUnavailable : EXIT_CODES.crash, {
          cause: error,
        });
      }
      logger.warn(`${sentence} Working on ${next} until then.`);
    }
  }
  throw new Error('There is no execution provider to try');
}

function startThread(
  pack: ModelPack,
  config: Config['engine'],
  provider: ProviderName,
  intraOpThreads: number,
): Promise<EngineThread> {
  const { maxImageBytes, maxImagePixels } = config;
  return startEngineThread({ pack, provider, intraOpThreads, maxImageBytes, maxImagePixels });
}

function leastBusy(threads: readonly EngineThread[]): EngineThread | null {
  return threads.reduce<EngineThread | null>((best, thread) => {
    const hasRoom = thread.inFlight() < IN_FLIGHT_PER_THREAD;
    return hasRoom && (best === null || thread.inFlight() < best.inFlight()) ? thread : best;
  }, null);
}
