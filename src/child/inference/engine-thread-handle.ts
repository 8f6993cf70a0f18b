import { Worker } from 'node:worker_threads';
import { ImageError } from '../../shared/errors.js';
import type { Picture, PictureSource } from './engine.js';
import type { EngineReply, EngineRequest, EngineThreadData } from './engine-protocol.js';

/** A thread that has not ended by itself after this long is in native code; terminating waits for it. */
const STOP_TIMEOUT_MS = 1000;

/** An engine thread as the main thread sees it. */
export interface EngineThread {
  inFlight(): number;
  /** @throws {ImageError} the picture is at fault */
  analyze(source: PictureSource): Promise<Picture>;
  /** Resolves when the thread has ended, with the reason. */
  readonly exited: Promise<Error>;
  stop(): Promise<void>;
}

interface Pending {
  readonly resolve: (picture: Picture) => void;
  readonly reject: (error: Error) => void;
}

/** Starts a thread; resolves once it is ready. @throws {Error} it cannot load its models or its provider */
export async function startEngineThread(data: EngineThreadData): Promise<EngineThread> {
  const worker = new Worker(new URL('./engine-thread.js', import.meta.url), {
    workerData: data,
    name: 'engine',
  });
  const pending = new Map<number, Pending>();
  let nextId = 0;

  const exited = new Promise<Error>((resolve) => {
    worker.once('error', resolve);
    worker.once('exit', (code) => resolve(new Error(`The engine thread ended with code ${code}`)));
  });
  void exited.then((error) => {
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  });

  const settle = (id: number, act: (request: Pending) => void): void => {
    const request = pending.get(id);
    pending.delete(id);
    if (request !== undefined) act(request);
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
          settle(reply.id, (request) => request.resolve(reply.picture));
          break;
        case 'failed': {
          const error = reply.fault === 'image' ? new ImageError(reply.message) : new Error(reply.message);
          settle(reply.id, (request) => request.reject(error));
          break;
        }
      }
    });
    void exited.then(reject);
  });

  const send = (request: EngineRequest): void => worker.postMessage(request);

  return {
    inFlight: () => pending.size,
    analyze: (source) =>
      new Promise((resolve, reject) => {
        nextId += 1;
        pending.set(nextId, { resolve, reject });
        send({ type: 'analyze', id: nextId, source });
      }),
    exited,
    stop: async () => {
      send({ type: 'stop' });
      const timer = setTimeout(() => void worker.terminate(), STOP_TIMEOUT_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}
