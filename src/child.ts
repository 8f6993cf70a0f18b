import { createEngine } from './child/engine/engine-pool.js';
import { runChild } from './child/lifecycle.js';
import type { IpcChannel } from './child/supervisor-link.js';
import { EXIT_CODES } from './shared/exit-codes.js';

/**
 * Ctrl-C and PM2 signal every process of a group at once. A child obeys its supervisor alone, which gets the
 * same signal and knows what is to be done about it.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGTSTP'] as const) process.on(signal, () => {});

if (process.send === undefined) {
  process.stderr.write('This is a part of the face search worker: start it with node dist/supervisor.js\n');
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
