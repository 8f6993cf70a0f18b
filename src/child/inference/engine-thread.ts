import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { analyzePicture } from './analyze-picture.js';
import type { EngineReply, EngineRequest, EngineThreadData } from './engine-protocol.js';
import { type Networks, openNetworks, warmUp } from './networks.js';

if (parentPort === null) throw new Error('engine-thread.js runs as a worker thread only');
const port = parentPort;
const data = workerData as EngineThreadData;

// Pictures are decoded side by side, each on one processor; no picture is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

try {
  serve(await openWarmNetworks());
  reply({ type: 'ready' });
} catch (error) {
  reply({ type: 'unable', message: messageOf(error) });
}

async function openWarmNetworks(): Promise<Networks> {
  const networks = await openNetworks(data.pack, data.provider, data.intraOpThreads);
  await warmUp(networks, data.pack);
  return networks;
}

/** Answers requests until it is told to stop: with its port closed and its sessions released, the thread ends by itself. */
function serve(networks: Networks): void {
  const inFlight = new Set<Promise<void>>();

  const stop = async (): Promise<void> => {
    await Promise.all(inFlight);
    await networks.release();
    port.close();
  };

  port.on('message', (request: EngineRequest) => {
    switch (request.type) {
      case 'analyze': {
        const work = answer(request, networks).finally(() => inFlight.delete(work));
        inFlight.add(work);
        break;
      }
      case 'stop':
        void stop();
        break;
    }
  });
}

async function answer(
  { id, source }: EngineRequest & { readonly type: 'analyze' },
  networks: Networks,
): Promise<void> {
  try {
    const picture = await analyzePicture(source, { ...data, networks });
    const embeddings = picture.faces.map(({ embedding }) => embedding.buffer as ArrayBuffer);
    reply({ type: 'picture', id, picture }, embeddings);
  } catch (error) {
    const fault = error instanceof ImageError ? 'image' : 'engine';
    reply({ type: 'failed', id, fault, message: messageOf(error) });
  }
}

function reply(message: EngineReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
