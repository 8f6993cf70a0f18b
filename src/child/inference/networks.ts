import type { RunDetector } from '../pipeline/detect.js';
import type { RunEmbedder } from '../pipeline/embed.js';
import type { ModelPack } from './model-files.js';
import { openSession, type ProviderName } from './session.js';

/** The two networks of a model pack, loaded. */
export interface Networks {
  readonly runDetector: RunDetector;
  readonly runEmbedder: RunEmbedder;
  release(): Promise<void>;
}

/** @throws {Error} a file is no model, or the provider does not load */
export async function openNetworks(
  pack: ModelPack,
  provider: ProviderName,
  intraOpThreads: number,
): Promise<Networks> {
  const detector = await openSession(pack.detectorPath, pack.detector.input.name, provider, intraOpThreads);
  const embedder = await openSession(pack.embedderPath, pack.embedder.input.name, provider, intraOpThreads);
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
