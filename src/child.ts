import { createEngine } from './child/engine/engine-pool.js';
import { runChild } from './child/lifecycle.js';
import type { IpcChannel } from './child/supervisor-link.js';
import { EXIT_CODES } from './shared/exit-codes.js';

/**
 * Ctrl-C and PM2 signal every process of a group. A child ignores these signals, because its supervisor gets them too
 * and tells the child what to do.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTSTP'] as const) process.on(signal, () => {});

if (process.send === undefined) {
  process.stderr.write(
    'This file is part of the face search worker. Start the worker with: node dist/supervisor.js\n',
  );
  process.exit(EXIT_CODES.crash);
}

const child = runChild({
  channel: process as IpcChannel,
  createEngine,
  exit: (code) => process.exit(code),
  kill: () => process.kill(process.pid, 'SIGKILL'),
});
process.on('uncaughtException', (error) => void child.crash(error));
process.on('unhandledRejection', (error) => void child.crash(error));
