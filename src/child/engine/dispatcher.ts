import type { EngineThread } from './engine-calls.js';

export interface Submission {
  readonly signal: AbortSignal | undefined;
  /** Goes before all that is not urgent: somebody waits for it. */
  readonly urgent: boolean;
}

/** Hands work to engine threads: first come, first served, to the thread that has least to do. */
export interface Dispatcher {
  /**
   * @throws what the work throws
   * @throws the signal's reason once it has aborted; the answer of a thread that is at it already is dropped
   * @throws the reason for which the dispatcher was closed
   */
  submit<T>(work: (thread: EngineThread) => Promise<T>, submission: Submission): Promise<T>;
  /** Milliseconds for which work has been in flight and none has ended; 0 when none is in flight. */
  silentMs(): number;
  /** Rejects all work that waits or is in flight, and all to come. */
  close(reason: Error): void;
}

interface Request {
  readonly urgent: boolean;
  /** Never rejects. */
  readonly run: (thread: EngineThread) => Promise<void>;
  readonly reject: (error: Error) => void;
}

interface Lane {
  readonly thread: EngineThread;
  inFlight: number;
}

/** @param inFlightPerThread pictures that a thread is given at once */
export function createDispatcher(
  threads: readonly EngineThread[],
  inFlightPerThread: number,
  now: () => number = () => performance.now(),
): Dispatcher {
  const lanes: Lane[] = threads.map((thread) => ({ thread, inFlight: 0 }));
  const waiting: Request[] = [];
  /** Waiting, or running and not aborted. */
  const open = new Set<Request>();
  let closed: Error | null = null;
  let running = 0;
  let lastSignMs = 0;

  const run = async (request: Request, lane: Lane): Promise<void> => {
    if (running === 0) lastSignMs = now();
    running += 1;
    lane.inFlight += 1;
    await request.run(lane.thread);
    lane.inFlight -= 1;
    running -= 1;
    lastSignMs = now();
    dispatch();
  };

  const enqueue = (request: Request): void => {
    const place = request.urgent ? waiting.findIndex(({ urgent }) => !urgent) : -1;
    waiting.splice(place < 0 ? waiting.length : place, 0, request);
    dispatch();
  };

  const dispatch = (): void => {
    while (waiting.length > 0) {
      const lane = lanes.reduce((best, other) => (other.inFlight < best.inFlight ? other : best));
      if (lane.inFlight === inFlightPerThread) return;
      void run(waiting.shift() as Request, lane);
    }
  };

  return {
    submit: async <T>(work: (thread: EngineThread) => Promise<T>, { signal, urgent }: Submission) => {
      signal?.throwIfAborted();
      if (closed !== null) throw closed;
      const { promise, resolve, reject } = withResolvers<T>();
      const request: Request = {
        urgent,
        run: (thread) => work(thread).then(resolve, reject),
        reject,
      };
      const onAbort = (): void => {
        const place = waiting.indexOf(request);
        if (place >= 0) waiting.splice(place, 1);
        reject(signal?.reason as Error);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      open.add(request);
      enqueue(request);
      try {
        return await promise;
      } finally {
        open.delete(request);
        signal?.removeEventListener('abort', onAbort);
      }
    },
    silentMs: () => (running === 0 ? 0 : now() - lastSignMs),
    close: (reason) => {
      closed ??= reason;
      waiting.length = 0;
      for (const { reject } of open) reject(reason);
    },
  };
}

/** `Promise.withResolvers` of Node 22. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
