import { loadConfig } from './shared/config.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';
import { createLogger } from './shared/logger.js';
import { createServiceManager } from './supervisor/service-manager.js';
import { onSignals } from './supervisor/signals.js';
import { startSupervisor } from './supervisor/start-supervisor.js';

try {
  const config = loadConfig();
  const logger = createLogger('supervisor', config.logLevel);
  const supervisor = startSupervisor(config, createServiceManager(process.env, logger), logger);

  onSignals((command, signal) => {
    logger.info(`Received ${signal}: ${command}`);
    switch (command) {
      case 'stop':
        supervisor.stop();
        break;
      case 'roll':
        supervisor.roll();
        break;
      case 'quiet':
        supervisor.setQuiet(true);
        break;
      case 'resume':
        supervisor.setQuiet(false);
        break;
    }
  });

  process.exit(await supervisor.stopped);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
