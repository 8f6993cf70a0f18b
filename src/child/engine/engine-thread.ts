import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { contentHash } from '../../shared/content-hash.js';
import { serveThread } from '../threads/serve-thread.js';
import { analyzeImage } from './analyze-image.js';
import { convertHeic } from './convert-heic.js';
import type { EngineCalls, EngineThreadData } from './engine-calls.js';
import { gatherRuns } from './gather-runs.js';
import type { OomStep } from './oom-fallback.js';
import { openNetworks, warmUp } from './networks.js';
import { checkProvider } from './check-provider.js';
import { readImage } from './read-image.js';

const data = workerData as EngineThreadData;

/** Runs on a GPU: at most 8 photos at the detector's size, or 32 small images. */
const GPU_RUNS = {
  batchSizes: [1, 2, 4, 8, 16, 32],
  maxValues: 8 * 3 * 960 * 960,
  maxWaitMs: 3,
} as const;

// Images are decoded in parallel, each on one core. No image is decoded twice, so a cache is useless.
sharp.concurrency(1);
sharp.cache(false);

await serveThread<EngineCalls>(async () => {
  if (data.probe) await checkProvider(data.pack, data.provider, data.intraOpThreads);
  const oomSteps: OomStep[] = [];
  const loaded = await openNetworks(data.pack, data.provider, data.intraOpThreads, (step) =>
    oomSteps.push(step),
  );
  // A GPU chooses its kernels by the size of the image. On a CPU a small image is enough.
  await warmUp(loaded, data.pack, data.provider === 'cpu' ? 64 : 640);
  let inFlight = 0;
  // Larger batches do not speed up a CPU (docs/providers.md).
  const networks =
    data.provider === 'cpu' ? loaded : gatherRuns(loaded, { ...GPU_RUNS, inFlight: () => inFlight });
  return {
    answers: {
      identify: async (source) => contentHash(readImage(source, data.maxImageBytes)),
      analyze: async (source) => {
        const encoded = await convertHeic(readImage(source, data.maxImageBytes), data.maxImagePixels);
        const kind = source.selfie ? 'selfie' : data.galleryUpright ? 'turned-photo' : 'photo';
        inFlight += 1;
        try {
          const image = await analyzeImage(encoded, { ...data, networks, kind });
          return { image, oomSteps: oomSteps.splice(0) };
        } finally {
          inFlight -= 1;
        }
      },
    },
    close: () => networks.release(),
  };
});
