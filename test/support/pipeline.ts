import { analyzeImage } from '../../src/child/engine/analyze-image.js';
import type { AnalyzedImage, ImageSource } from '../../src/child/engine/engine.js';
import { findModelPack } from '../../src/shared/model-pack.js';
import { openNetworks } from '../../src/child/engine/networks.js';
import { readImage } from '../../src/child/engine/read-image.js';

const LIMITS = { maxImageBytes: 20_000_000, maxImagePixels: 100_000_000 };

/** The whole engine but for its threads: from encoded picture to embedded faces, in this thread. */
export interface Pipeline {
  analyze(picture: Buffer | ImageSource, limits?: Partial<typeof LIMITS>): Promise<AnalyzedImage>;
  close(): Promise<void>;
}

export async function openPipeline(packName: string, modelsDir: string): Promise<Pipeline> {
  const pack = await findModelPack(packName, modelsDir);
  const networks = await openNetworks(pack, 'cpu', 1);
  return {
    analyze: async (picture, changed) => {
      const source = Buffer.isBuffer(picture) ? ({ kind: 'bytes', bytes: picture } as const) : picture;
      const { maxImageBytes, maxImagePixels } = { ...LIMITS, ...changed };
      return analyzeImage(readImage(source, maxImageBytes), { pack, networks, maxImagePixels });
    },
    close: () => networks.release(),
  };
}
