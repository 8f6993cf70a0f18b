import type { EngineThread } from './engine-calls.js';

export interface Submission {
  readonly signal: AbortSignal | undefined;
  /** Runs before requests that are not urgent, because a person is waiting for it. */
  readonly urgent: boolean;
}

/** Distributes work among engine threads: in order of arrival, to the thread with the fewest requests in flight. */
export interface Dispatcher {
  /**
   * @throws the error of the work
   * @throws the signal's reason once it has aborted; if a thread has already started, its answer is dropped
   * @throws the reason passed to `close`
   */
  submit<T>(work: (thread: EngineThread) => Promise<T>, submission: Submission): Promise<T>;
  /** Milliseconds since work last started from idle or ended; 0 if none is in flight. */
  silentMs(): number;
  /** Rejects all waiting, running and future work. */
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

/** @param inFlightPerThread images that a thread works on at once */
export function createDispatcher(
  threads: readonly EngineThread[],
  inFlightPerThread: number,
  now: () => number = () => performance.now(),
): Dispatcher {
  const lanes: Lane[] = threads.map((thread) => ({ thread, inFlight: 0 }));
  const waiting: Request[] = [];
  /** Requests that wait, or run and are not aborted. */
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

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: Error) => void;
  const promise = new Promise<T>((onResolve, onReject) => {
    resolve = onResolve;
    reject = onReject;
  });
  return { promise, resolve, reject };
}
