import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import { messageOf, StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { ProviderRefusal } from '../../shared/worker-record.js';
import type { Logger } from '../../shared/logger.js';
import { startThread } from '../threads/start-thread.js';
import type { EngineCalls, EngineThread, EngineThreadData } from './engine-calls.js';
import type { Machine } from './machine.js';
import type { ModelPack } from '../../shared/model-pack.js';
import { chooseProviders, CUDA_INSTALL_HINT } from './providers.js';
import type { ProviderName } from './session.js';
import { chooseThreads } from './thread-count.js';

const ENGINE_THREAD = new URL('./engine-thread.js', import.meta.url);

export interface StartThreadsOptions {
  readonly device: Device;
  readonly machine: Machine;
  /** The operator wants a CPU worker, even if there is a GPU. */
  readonly processorsOnly?: boolean;
  /** Earlier processes died while they tried faster providers, so use the last resort at once. */
  readonly cautious?: boolean;
  readonly config: Config['engine'];
  /** Processor cores for this process (default: all). */
  readonly cores?: number;
  readonly logger: Logger;
}

export interface StartedThreads {
  readonly threads: readonly EngineThread[];
  readonly provider: ProviderName;
  /** In the order of the attempts. */
  readonly refusals: readonly ProviderRefusal[];
}

/**
 * Starts the engine threads on the first execution provider that loads and gives the same results as the CPU.
 *
 * @throws {StartupError} if there is none, or if the models do not load
 */
export async function startThreads(
  pack: ModelPack,
  { device, machine, processorsOnly = false, cautious = false, config, cores, logger }: StartThreadsOptions,
): Promise<StartedThreads> {
  const question = { device, machine, processorsOnly, wanted: config.provider };
  const refusals: ProviderRefusal[] = [];
  let candidates: readonly ProviderName[] = chooseProviders(question);
  if (cautious && candidates.length > 1) {
    const reason = 'The last two processes that tried it died of a signal before they were ready.';
    refusals.push(...candidates.slice(0, -1).map((provider) => ({ provider, reason })));
    candidates = candidates.slice(-1);
    logger.warn(
      `${reason} This device's work now runs on the CPU. npm run gpu-check shows details; EXECUTION_PROVIDER=cpu skips the attempts.`,
    );
  }
  for (;;) {
    const [provider, fallback] = candidates as readonly [ProviderName, ...ProviderName[]];
    try {
      return { threads: await startOn(provider, pack, config, cores), provider, refusals };
    } catch (error) {
      const reason = messageOf(error);
      const problem = `The models of "${pack.name}" cannot be run on ${provider}: ${reason}.`;
      const ofCuda = provider === 'cuda' || provider === 'tensorrt';
      const sentence = ofCuda ? `${problem} ${CUDA_INSTALL_HINT}` : problem;
      if (fallback === undefined) {
        const exitCode = provider === 'cpu' ? EXIT_CODES.crash : EXIT_CODES.providerUnavailable;
        throw new StartupError(sentence, exitCode, { cause: error });
      }
      refusals.push({ provider, reason });
      logger.warn(
        fallback === 'cpu'
          ? `${sentence} Until then, this device's work runs on the CPU.`
          : `${sentence} Trying ${fallback} next.`,
      );
      candidates = candidates.slice(1);
    }
  }
}

/** Except on the CPU, starts one thread first, because it may find that the provider does not load. */
async function startOn(
  provider: ProviderName,
  pack: ModelPack,
  { threads: wanted, maxImageBytes, maxImagePixels, galleryUpright }: Config['engine'],
  cores?: number,
): Promise<EngineThread[]> {
  const { threads, intraOpThreads } = chooseThreads(provider, wanted, cores);
  const data = { pack, provider, intraOpThreads, maxImageBytes, maxImagePixels, galleryUpright };
  const start = (probe: boolean) =>
    startThread<EngineCalls>('An engine thread', ENGINE_THREAD, {
      ...data,
      probe,
    } satisfies EngineThreadData);
  const first = provider === 'cpu' ? [] : [await start(true)];
  const others = await Promise.allSettled(Array.from({ length: threads - first.length }, () => start(false)));
  const started = [
    ...first,
    ...others.flatMap((other) => (other.status === 'fulfilled' ? [other.value] : [])),
  ];
  const failed = others.find((other) => other.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((thread) => thread.stop()));
  throw failed.reason;
}
