import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { serveThread } from '../threads/serve-thread.js';
import { analyzeImage } from './analyze-image.js';
import { contentHash } from './content-hash.js';
import type { EngineCalls, EngineThreadData } from './engine-calls.js';
import { gatherRuns } from './gather-runs.js';
import type { OomStep } from './oom-fallback.js';
import { openNetworks, warmUp } from './networks.js';
import { checkProvider } from './check-provider.js';
import { readImage } from './read-image.js';

const data = workerData as EngineThreadData;

/** A GPU's runs: of 8 photos at the detector's size at most, of 32 small images. */
const GPU_RUNS = {
  batchSizes: [1, 2, 4, 8, 16, 32],
  maxValues: 8 * 3 * 960 * 960,
  maxWaitMs: 3,
} as const;

// Pictures are decoded side by side, each on one processor; no picture is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

await serveThread<EngineCalls>(async () => {
  if (data.probe) await checkProvider(data.pack, data.provider, data.intraOpThreads);
  const oomSteps: OomStep[] = [];
  const loaded = await openNetworks(data.pack, data.provider, data.intraOpThreads, (step) =>
    oomSteps.push(step),
  );
  await warmUp(loaded, data.pack);
  let inFlight = 0;
  // A processor is no faster for it (docs/engine.md).
  const networks =
    data.provider === 'cpu' ? loaded : gatherRuns(loaded, { ...GPU_RUNS, inFlight: () => inFlight });
  return {
    answers: {
      identify: async (source) => contentHash(await readImage(source, data.maxImageBytes)),
      analyze: async (source) => {
        const encoded = await readImage(source, data.maxImageBytes);
        inFlight += 1;
        try {
          const picture = await analyzeImage(encoded, { ...data, networks, selfie: source.selfie ?? false });
          return { picture, oomSteps: oomSteps.splice(0) };
        } finally {
          inFlight -= 1;
        }
      },
    },
    close: () => networks.release(),
  };
});
