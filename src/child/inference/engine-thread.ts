import { workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { serveThread } from '../threads/serve-thread.js';
import { analyzePicture } from './analyze-picture.js';
import { contentHash } from './content-hash.js';
import type { EngineCalls, EngineThreadData } from './engine-calls.js';
import { openNetworks, warmUp } from './networks.js';
import { readPicture } from './read-picture.js';

const data = workerData as EngineThreadData;

// Pictures are decoded side by side, each on one processor; no picture is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

await serveThread<EngineCalls>(async () => {
  const networks = await openNetworks(data.pack, data.provider, data.intraOpThreads);
  await warmUp(networks, data.pack);
  return {
    answers: {
      identify: async (source) => contentHash(await readPicture(source, data.maxImageBytes)),
      analyze: async (source) =>
        analyzePicture(await readPicture(source, data.maxImageBytes), { ...data, networks }),
    },
    close: () => networks.release(),
  };
});
