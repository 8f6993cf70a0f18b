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
 * @param onOomStep called for each OOM fallback step; without it, there is no OOM fallback
 * @throws {Error} if a file is not a model, or if the provider does not load
 */
export async function openNetworks(
  pack: ModelPack,
  provider: ProviderName,
  intraOpThreads: number,
  onOomStep?: (step: OomStep) => void,
): Promise<Networks> {
  const open = (modelPath: string, cpuModelPath: string): Promise<Session> => {
    const openOnCpu = () => openSession(cpuModelPath, 'cpu', intraOpThreads);
    if (provider === 'cpu') return openOnCpu();
    const openOnDevice = () => openSession(modelPath, provider, intraOpThreads);
    if (onOomStep === undefined) return openOnDevice();
    return openBoundedSession({
      openOnDevice,
      openOnCpu,
      onStep: onOomStep,
      now: () => performance.now(),
    });
  };
  const detector = await open(pack.detectorPath, pack.detectorPath);
  const embedder = await open(pack.embedderPath, pack.cpuEmbedderPath);
  return {
    runDetector: (input, count, { widthPx, heightPx }) => detector.run(input, [count, 3, heightPx, widthPx]),
    runEmbedder: async (input, count, sizePx) => {
      const outputs = await embedder.run(input, [count, 3, sizePx, sizePx]);
      const [embeddings, ...others] = outputs.values();
      if (embeddings === undefined || others.length > 0) {
        throw new Error(`The embedder has ${outputs.size} outputs instead of one`);
      }
      return embeddings;
    },
    release: async () => {
      await embedder.release();
      await detector.release();
    },
  };
}

/**
 * Runs both networks once on black pixels, because the first run is slow.
 *
 * @param sidePx of the detector's image
 */
export async function warmUp(
  { runDetector, runEmbedder }: Networks,
  pack: ModelPack,
  sidePx = 640,
): Promise<void> {
  const size = { widthPx: sidePx, heightPx: sidePx };
  await runDetector(new Float32Array(3 * size.widthPx * size.heightPx), 1, size);
  const { sizePx } = pack.embedder.input;
  await runEmbedder(new Float32Array(3 * sizePx * sizePx), 1, sizePx);
}
