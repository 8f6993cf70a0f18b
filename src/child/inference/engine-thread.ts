import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { serveThread } from '../threads/serve-thread.js';
import { analyzePicture } from './analyze-picture.js';
import { contentHash } from './content-hash.js';
import type { EngineCalls, EngineThreadData } from './engine-calls.js';
import type { MemoryStep } from './memory-ladder.js';
import { openNetworks, warmUp } from './networks.js';
import { probeProvider } from './probe-provider.js';
import { readPicture } from './read-picture.js';

const data = workerData as EngineThreadData;

// Pictures are decoded side by side, each on one processor; no picture is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

await serveThread<EngineCalls>(async () => {
  if (data.probe) await probeProvider(data.pack, data.provider, data.intraOpThreads);
  const memorySteps: MemoryStep[] = [];
  const networks = await openNetworks(data.pack, data.provider, data.intraOpThreads, (step) =>
    memorySteps.push(step),
  );
  await warmUp(networks, data.pack);
  return {
    answers: {
      identify: async (source) => contentHash(await readPicture(source, data.maxImageBytes)),
      analyze: async (source) => {
        const encoded = await readPicture(source, data.maxImageBytes);
        const picture = await analyzePicture(encoded, { ...data, networks });
        return { picture, memorySteps: memorySteps.splice(0) };
      },
    },
    close: () => networks.release(),
  };
});
