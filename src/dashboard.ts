import { startDashboard } from './dashboard/start-dashboard.js';
import { loadConfig } from './shared/config.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';
import { createLogger } from './shared/logger.js';

/** Heard from the first moment on: a supervisor that is killed while this starts shall leave nothing behind, either. */
const asked = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  process.once('disconnect', resolve);
  // It was gone before this line. Without a supervisor there is no channel, and nothing to be connected to.
  if ('connected' in process && !process.connected) resolve();
});

try {
  const config = loadConfig();
  const dashboard = await startDashboard(config, createLogger('dashboard', config.logLevel));
  await asked;
  await dashboard.stop();
  process.exit(EXIT_CODES.ok);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
