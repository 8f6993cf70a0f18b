import type { Config } from '../../shared/config.js';
import type { Device } from '../../shared/device.js';
import { messageOf, StartupError } from '../../shared/errors.js';
import { EXIT_CODES } from '../../shared/exit-codes.js';
import type { Logger } from '../../shared/logger.js';
import { startThread } from '../threads/start-thread.js';
import type { EngineCalls, EngineThread, EngineThreadData } from './engine-calls.js';
import type { ModelPack } from './model-files.js';
import { chooseProviders, CUDA_INSTALL_HINT } from './providers.js';
import type { ProviderName } from './session.js';
import { chooseThreads } from './thread-count.js';

const ENGINE_THREAD = new URL('./engine-thread.js', import.meta.url);

export interface StartThreadsOptions {
  readonly device: Device;
  readonly config: Config['engine'];
  readonly logger: Logger;
}

export interface StartedThreads {
  readonly threads: readonly EngineThread[];
  readonly provider: ProviderName;
}

/**
 * Starts the engine threads on the first execution provider that loads.
 *
 * @throws {StartupError} none does, or the models are none
 */
export async function startThreads(
  pack: ModelPack,
  { device, config, logger }: StartThreadsOptions,
): Promise<StartedThreads> {
  const [provider, fallback] = chooseProviders(device, config.provider);
  try {
    return { threads: await startOn(provider, pack, config), provider };
  } catch (error) {
    const problem = `The models of "${pack.name}" cannot be run on ${provider}: ${messageOf(error)}.`;
    const sentence = provider === 'cuda' ? `${problem} ${CUDA_INSTALL_HINT}` : problem;
    if (fallback === undefined) {
      const exitCode = provider === 'cuda' ? EXIT_CODES.providerUnavailable : EXIT_CODES.crash;
      throw new StartupError(sentence, exitCode, { cause: error });
    }
    logger.warn(`${sentence} Until then this device's work is done on the ${fallback}.`);
    return await startThreads(pack, { device, config: { ...config, provider: fallback }, logger });
  }
}

/** The first thread alone finds out whether the provider loads; the others follow together. */
async function startOn(
  provider: ProviderName,
  pack: ModelPack,
  { threads: wanted, maxImageBytes, maxImagePixels }: Config['engine'],
): Promise<EngineThread[]> {
  const { threads, intraOpThreads } = chooseThreads(provider, wanted);
  const data: EngineThreadData = { pack, provider, intraOpThreads, maxImageBytes, maxImagePixels };
  const start = () => startThread<EngineCalls>('An engine thread', ENGINE_THREAD, data);
  const first = await start();
  const others = await Promise.allSettled(Array.from({ length: threads - 1 }, start));
  const started = [first, ...others.flatMap((other) => (other.status === 'fulfilled' ? [other.value] : []))];
  const failed = others.find((other) => other.status === 'rejected');
  if (failed === undefined) return started;
  await Promise.all(started.map((thread) => thread.stop()));
  throw failed.reason;
}
