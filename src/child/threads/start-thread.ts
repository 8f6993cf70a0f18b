import { Worker } from 'node:worker_threads';
import { messageOf } from '../../shared/errors.js';
import { type Calls, type ThreadReply, type ThreadRequest, unpackError } from './thread-protocol.js';

/** A thread as the main thread sees it. */
export interface Thread<C extends Calls> {
  /** @throws the error of the call, or the reason why the thread ended */
  call<Name extends keyof C & string>(name: Name, argument: C[Name]['argument']): Promise<C[Name]['result']>;
  /** Resolves with the reason when the thread has ended. Never rejects. */
  readonly exited: Promise<Error>;
  /**
   * Lets the thread finish its running calls. Resolves when it has ended; the caller sets the deadline. A thread is
   * never terminated: when onnxruntime-node's run returns to a thread that is being terminated, it throws an exception
   * that cannot be caught and that aborts the whole process.
   */
  stop(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

/**
 * Starts a thread; resolves once it is ready.
 *
 * @param title its name in errors, for example `An engine thread`
 * @throws {Error} the thread cannot start
 */
export async function startThread<C extends Calls>(
  title: string,
  file: URL,
  workerData: unknown,
): Promise<Thread<C>> {
  const worker = new Worker(file, { workerData });
  const send = (request: ThreadRequest): void => worker.postMessage(request);
  const pending = new Map<number, Pending>();
  let lastId = 0;
  let ended: Error | null = null;
  let stopped: Promise<void> | null = null;

  const exited = new Promise<Error>((resolve) => {
    worker.once('error', (error) =>
      resolve(new Error(`${title} died: ${messageOf(error)}`, { cause: error })),
    );
    worker.once('exit', (code) => resolve(new Error(`${title} ended with code ${code}`)));
  });
  void exited.then((error) => {
    ended = error;
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  });

  const take = (id: number): Pending | undefined => {
    const request = pending.get(id);
    pending.delete(id);
    return request;
  };

  await new Promise<void>((resolve, reject) => {
    worker.on('message', (reply: ThreadReply) => {
      switch (reply.type) {
        case 'ready':
          resolve();
          break;
        case 'unable':
          reject(new Error(reply.message));
          break;
        case 'result':
          take(reply.id)?.resolve(reply.result);
          break;
        case 'failed':
          take(reply.id)?.reject(unpackError(reply.error));
          break;
      }
    });
    void exited.then(reject);
  });

  const stop = async (): Promise<void> => {
    send({ type: 'stop' });
    await exited;
  };

  return {
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        if (ended !== null) throw ended;
        lastId += 1;
        pending.set(lastId, { resolve, reject });
        send({ type: 'call', id: lastId, name, argument });
      }),
    exited,
    stop: () => (stopped ??= stop()),
  };
}
