import { startDashboard } from './dashboard/start-dashboard.js';
import { loadConfig } from './shared/config.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';
import { createLogger } from './shared/logger.js';

try {
  const config = loadConfig();
  const dashboard = await startDashboard(config, createLogger('dashboard', config.logLevel));
  const end = (): void => {
    void dashboard.stop().finally(() => process.exit(EXIT_CODES.ok));
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, end);
  // A supervisor that is gone shall leave nothing behind.
  process.once('disconnect', end);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
