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
  /** The operator wants a worker for the processors, whatever else there is. */
  readonly processorsOnly?: boolean;
  /** Processes that tried the better providers have died of it: none is tried again. */
  readonly cautious?: boolean;
  readonly config: Config['engine'];
  readonly logger: Logger;
}

export interface StartedThreads {
  readonly threads: readonly EngineThread[];
  readonly provider: ProviderName;
  /** In the order in which they were tried. */
  readonly refusals: readonly ProviderRefusal[];
}

/**
 * Starts the engine threads on the first execution provider that loads and computes what the CPU does.
 *
 * @throws {StartupError} none does, or the models are none
 */
export async function startThreads(
  pack: ModelPack,
  { device, machine, processorsOnly = false, cautious = false, config, logger }: StartThreadsOptions,
): Promise<StartedThreads> {
  const question = { device, machine, processorsOnly, wanted: config.provider };
  const refusals: ProviderRefusal[] = [];
  let candidates: readonly ProviderName[] = chooseProviders(question);
  if (cautious && candidates.length > 1) {
    const reason = 'The last two processes that tried it died of a signal before they were ready.';
    refusals.push(...candidates.slice(0, -1).map((provider) => ({ provider, reason })));
    candidates = candidates.slice(-1);
    logger.warn(
      `${reason} So this device's work is done on the cpu; npm run gpu-check tells more, and EXECUTION_PROVIDER=cpu avoids the tries.`,
    );
  }
  for (;;) {
    const [provider, fallback] = candidates as readonly [ProviderName, ...ProviderName[]];
    try {
      return { threads: await startOn(provider, pack, config), provider, refusals };
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
          ? `${sentence} Until then this device's work is done on the cpu.`
          : `${sentence} Until then ${fallback} is tried.`,
      );
      candidates = candidates.slice(1);
    }
  }
}

/** The first thread alone finds out whether the provider loads; the others follow together. */
async function startOn(
  provider: ProviderName,
  pack: ModelPack,
  { threads: wanted, maxImageBytes, maxImagePixels }: Config['engine'],
): Promise<EngineThread[]> {
  const { threads, intraOpThreads } = chooseThreads(provider, wanted);
  const data = { pack, provider, intraOpThreads, maxImageBytes, maxImagePixels };
  const start = (probe: boolean) =>
    startThread<EngineCalls>('An engine thread', ENGINE_THREAD, {
      ...data,
      probe,
    } satisfies EngineThreadData);
  const first = await start(provider !== 'cpu');
  const others = await Promise.allSettled(Array.from({ length: threads - 1 }, () => start(false)));
  const started = [first, ...others.flatMap((other) => (other.status === 'fulfilled' ? [other.value] : []))];
  const failed = others.find((other) => other.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((thread) => thread.stop()));
  throw failed.reason;
}
