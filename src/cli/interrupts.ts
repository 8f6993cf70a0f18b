const EXIT_INTERRUPTED = 130;
/** A command that was asked to end and is still waiting, for example for Redis, is ended after this long. */
const STOP_MS = 2000;

let running: AbortController | null = null;

/** Ctrl-C ends the process at once, unless a command ends itself. */
export function exitOnInterrupt(): void {
  process.on('SIGINT', () => {
    if (running === null || running.signal.aborted) process.exit(EXIT_INTERRUPTED);
    stop(running);
  });
}

/** For a command that runs until Ctrl-C or SIGTERM: aborts with the first one. A second Ctrl-C ends the process at once. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  running = controller;
  process.once('SIGTERM', () => stop(controller));
  return controller.signal;
}

function stop(controller: AbortController): void {
  controller.abort();
  setTimeout(() => process.exit(), STOP_MS).unref();
}
