import type { RunDetector } from '../vision/detect.js';
import type { RunEmbedder } from '../vision/embed.js';
import { openBoundedSession } from './bounded-session.js';
import type { OomStep } from './oom-fallback.js';
import type { ModelPack } from '../../shared/model-pack.js';
import { openSession, type ProviderName, type Session } from './session.js';

/** The two networks of a model pack, loaded. */
export interface Networks {
  readonly runDetector: RunDetector;
  readonly runEmbedder: RunEmbedder;
  release(): Promise<void>;
}

/**
 * @param onOomStep called for each step that a device without memory makes necessary; without it, running out of
 *   memory is an error like any other
 * @throws {Error} a file is no model, or the provider does not load
 */
export async function openNetworks(
  pack: ModelPack,
  provider: ProviderName,
  intraOpThreads: number,
  onOomStep?: (step: OomStep) => void,
): Promise<Networks> {
  const open = (modelPath: string, inputName: string | null): Promise<Session> => {
    const openOn = (place: ProviderName) => () => openSession(modelPath, inputName, place, intraOpThreads);
    if (provider === 'cpu' || onOomStep === undefined) return openOn(provider)();
    return openBoundedSession({
      openOnDevice: openOn(provider),
      openOnCpu: openOn('cpu'),
      onStep: onOomStep,
      now: () => performance.now(),
    });
  };
  const detector = await open(pack.detectorPath, pack.detector.input.name);
  const embedder = await open(pack.embedderPath, pack.embedder.input.name);
  return {
    runDetector: (input, count, { widthPx, heightPx }) => detector.run(input, [count, 3, heightPx, widthPx]),
    runEmbedder: async (input, count, sizePx) => {
      const outputs = await embedder.run(input, [count, 3, sizePx, sizePx]);
      const [only] = outputs.values();
      const embeddings = pack.embedder.output === null ? only : outputs.get(pack.embedder.output);
      if (embeddings === undefined) throw new Error(`The embedder has no output "${pack.embedder.output}"`);
      return embeddings;
    },
    release: async () => {
      await embedder.release();
      await detector.release();
    },
  };
}

/** Runs both networks once on black pixels, so that what is set up on first use is set up before the first job. */
export async function warmUp({ runDetector, runEmbedder }: Networks, pack: ModelPack): Promise<void> {
  const size = { widthPx: 640, heightPx: 640 };
  await runDetector(new Float32Array(3 * size.widthPx * size.heightPx), 1, size);
  const { sizePx } = pack.embedder.input;
  await runEmbedder(new Float32Array(3 * sizePx * sizePx), 1, sizePx);
}
