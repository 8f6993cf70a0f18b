import { parentPort, workerData } from 'node:worker_threads';
import sharp from 'sharp';
import { ImageError, messageOf } from '../../shared/errors.js';
import { createAnalyzer } from './analyze-picture.js';
import type { EngineReply, EngineRequest, EngineThreadData } from './engine-protocol.js';
import { openSession } from './session.js';
import { warmUp } from './warm-up.js';

if (parentPort === null) throw new Error('engine-thread.js runs as a worker thread only');
const port = parentPort;
const data = workerData as EngineThreadData;

const reply = (message: EngineReply, transfer: ArrayBuffer[] = []): void =>
  port.postMessage(message, transfer);

// Pictures are decoded side by side, one processor each; nothing is decoded twice.
sharp.concurrency(1);
sharp.cache(false);

try {
  const { pack, provider, intraOpThreads } = data;
  const detector = await openSession(pack.detectorPath, pack.detector.input.name, provider, intraOpThreads);
  const embedder = await openSession(pack.embedderPath, pack.embedder.input.name, provider, intraOpThreads);
  const analyze = createAnalyzer({ ...data, detector, embedder });
  await warmUp(analyze);
  const inFlight = new Set<Promise<void>>();

  const answer = async ({ id, source }: EngineRequest & { type: 'analyze' }): Promise<void> => {
    try {
      const picture = await analyze(source);
      // Embeddings are views of their own buffers, so that they can move instead of being copied.
      reply(
        { type: 'picture', id, picture },
        picture.faces.map(({ embedding }) => embedding.buffer as ArrayBuffer),
      );
    } catch (error) {
      reply({
        type: 'failed',
        id,
        fault: error instanceof ImageError ? 'image' : 'engine',
        message: messageOf(error),
      });
    }
  };

  const stop = async (): Promise<void> => {
    await Promise.all(inFlight);
    await detector.release();
    await embedder.release();
    port.close();
  };

  port.on('message', (request: EngineRequest) => {
    switch (request.type) {
      case 'analyze': {
        const work = answer(request).finally(() => inFlight.delete(work));
        inFlight.add(work);
        break;
      }
      case 'stop':
        void stop();
        break;
    }
  });
  reply({ type: 'ready' });
} catch (error) {
  reply({ type: 'unable', message: messageOf(error) });
}
