#!/usr/bin/env node
import { loadConfig } from './shared/config.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';
import { createLogger } from './shared/logger.js';
import { answerArguments } from './supervisor/command-line.js';
import { createServiceManager } from './supervisor/service-manager.js';
import { startSupervisor } from './supervisor/start-supervisor.js';

type Command = 'stop' | 'roll' | 'quiet' | 'resume';

const SIGNAL_COMMANDS: Readonly<Partial<Record<NodeJS.Signals, Command>>> = {
  SIGTERM: 'stop',
  SIGINT: 'stop',
  SIGHUP: 'roll',
  SIGTSTP: 'quiet',
  SIGCONT: 'resume',
};

const answer = answerArguments(process.argv.slice(2));
if (answer !== null) {
  (answer.isError ? process.stderr : process.stdout).write(`${answer.text}\n`);
  process.exit(answer.isError ? EXIT_CODES.usage : EXIT_CODES.ok);
}

try {
  const config = loadConfig();
  const logger = createLogger('supervisor', config.logLevel);
  const supervisor = startSupervisor(config, createServiceManager(process.env, logger), logger);

  const run = (command: Command): void => {
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
  };
  for (const [signal, command] of Object.entries(SIGNAL_COMMANDS)) {
    process.on(signal, () => {
      logger.info(`Received ${signal}: ${command}`);
      run(command);
    });
  }

  process.exit(await supervisor.stopped);
} catch (error) {
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
