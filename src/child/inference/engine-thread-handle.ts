import { Worker } from 'node:worker_threads';
import { ImageError } from '../../shared/errors.js';
import type { Picture, PictureSource } from './engine.js';
import type { EngineReply, EngineRequest, EngineThreadData } from './engine-protocol.js';

/** A thread that has not ended by itself after this long is deep in native code: terminating it waits for that to return. */
const STOP_TIMEOUT_MS = 1000;

/** An engine thread as the main thread sees it. */
export interface EngineThread {
  /** @throws {ImageError} the picture is at fault */
  analyze(source: PictureSource): Promise<Picture>;
  /** Resolves when the thread has ended, asked or not, with the reason. */
  readonly exited: Promise<Error>;
  /** Lets it finish what is in flight. Resolves when it has ended. */
  stop(): Promise<void>;
}

interface Pending {
  readonly resolve: (picture: Picture) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts a thread; resolves once it is ready.
 *
 * @throws {Error} it cannot load its models or its execution provider
 */
export async function startEngineThread(data: EngineThreadData): Promise<EngineThread> {
  const worker = new Worker(new URL('./engine-thread.js', import.meta.url), { workerData: data });
  const send = (request: EngineRequest): void => worker.postMessage(request);
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let stopped: Promise<void> | null = null;

  const exited = new Promise<Error>((resolve) => {
    worker.once('error', (error) => resolve(new Error('An engine thread died', { cause: error })));
    worker.once('exit', (code) => resolve(new Error(`An engine thread ended with code ${code}`)));
  });
  void exited.then((error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  });

  const take = (id: number): Pending | undefined => {
    const request = pending.get(id);
    pending.delete(id);
    return request;
  };

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (reply: EngineReply) => {
      switch (reply.type) {
        case 'ready':
          resolve();
          break;
        case 'unable':
          reject(new Error(reply.message));
          break;
        case 'picture':
          take(reply.id)?.resolve(reply.picture);
          break;
        case 'failed':
          take(reply.id)?.reject(
            reply.fault === 'image' ? new ImageError(reply.message) : new Error(reply.message),
          );
          break;
      }
    });
    void exited.then(reject);
  });

  const stop = async (): Promise<void> => {
    send({ type: 'stop' });
    const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(timer);
  };

  return {
    analyze: (source) =>
      new Promise((resolve, reject) => {
        lastId += 1;
        pending.set(lastId, { resolve, reject });
        send({ type: 'analyze', id: lastId, source });
      }),
    exited,
    stop: () => (stopped ??= stop()),
  };
}
