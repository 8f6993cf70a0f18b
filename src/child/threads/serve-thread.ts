import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../shared/errors.js';
import { type Calls, packError, type ThreadReply, type ThreadRequest } from './thread-protocol.js';

/** A thread's work: a function for each call, and one for its end. */
export interface Service<C extends Calls> {
  readonly answers: {
    readonly [Name in keyof C]: (argument: C[Name]['argument']) => Promise<C[Name]['result']>;
  };
  /** Called after the last call has ended. The thread then ends as soon as nothing keeps its event loop alive. */
  close(): Promise<void>;
}

/** Runs a thread: opens its service, reports that it is ready, and answers calls until it has to stop. */
export async function serveThread<C extends Calls>(open: () => Promise<Service<C>>): Promise<void> {
  if (parentPort === null) throw new Error('This file must run as a worker thread');
  const port = parentPort;
  const reply = (message: ThreadReply): void => port.postMessage(message);

  const serve = ({ answers, close }: Service<C>): void => {
    const inFlight = new Set<Promise<void>>();

    const answer = async ({
      id,
      name,
      argument,
    }: ThreadRequest & { readonly type: 'call' }): Promise<void> => {
      try {
        const work = answers[name];
        if (work === undefined) throw new Error(`The thread has no call "${name}"`);
        reply({ type: 'result', id, result: await work(argument) });
      } catch (error) {
        reply({ type: 'failed', id, error: packError(error) });
      }
    };

    const stop = async (): Promise<void> => {
      await Promise.all(inFlight);
      await close();
      port.close();
    };

    port.on('message', (request: ThreadRequest) => {
      switch (request.type) {
        case 'call': {
          const work = answer(request).finally(() => inFlight.delete(work));
          inFlight.add(work);
          break;
        }
        case 'stop':
          void stop();
          break;
      }
    });
  };

  try {
    serve(await open());
    reply({ type: 'ready' });
  } catch (error) {
    reply({ type: 'unable', message: messageOf(error) });
  }
}
