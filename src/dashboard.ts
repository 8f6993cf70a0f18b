import { startDashboard } from './dashboard/start-dashboard.js';
import { loadConfig } from './shared/config.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';
import { createLogger } from './shared/logger.js';

/** Listens from the start: if the supervisor dies while the dashboard starts, the dashboard must still exit. */
const stopRequested = new Promise<void>((resolve) => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  process.once('disconnect', resolve);
  // The supervisor was gone before this line. Started by hand, the dashboard has no channel.
  if ('connected' in process && !process.connected) resolve();
});

try {
  const config = loadConfig();
  const dashboard = await startDashboard(config, createLogger('dashboard', config.logLevel));
  await stopRequested;
  await dashboard.stop();
  process.exit(EXIT_CODES.ok);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
