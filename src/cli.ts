#!/usr/bin/env node
import { forgetCommand } from './cli/forget-command.js';
import { indexCommand } from './cli/index-command.js';
import { searchCommand } from './cli/search-command.js';
import { statusCommand } from './cli/status-command.js';
import { UsageError } from './cli/usage-error.js';
import { messageOf, StartupError } from './shared/errors.js';
import { EXIT_CODES } from './shared/exit-codes.js';

const HELP = `Usage: face-search <command> [options]

  index <stage>              computes the faces of all photos below a folder of GALLERY_DIR, by all workers
      --pack NAME            for a model pack other than MODEL_PACK, by the workers that run it
  search <selfie> --stage S  finds the photos that show a person
      --threshold N          score (0 to 1) that a match must reach
      --limit N              longest result, 0 for all
      --json                 prints the result as JSON
      --open                 writes a page with the photos, and opens it
  status                     workers and queues at a glance
  forget <stage|photo|all>   deletes computed faces, in Redis and in running workers
      --pack NAME            instead: the faces of one model pack
      --yes                  does not ask

Redis, the queue and GALLERY_DIR come from the environment or .env, as for the worker.
`;

const COMMANDS = {
  index: indexCommand,
  search: searchCommand,
  status: statusCommand,
  forget: forgetCommand,
} as const;

const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

process.on('SIGINT', () => process.exit(EXIT_INTERRUPTED));
// A reader such as "head" that has gone wants no more.
process.stdout.on('error', () => process.exit(EXIT_CODES.ok));

const [name = '', ...args] = process.argv.slice(2);
if (name === '' || name === 'help' || name === '--help' || args.includes('--help')) {
  process.stdout.write(HELP);
  process.exit(name === '' ? EXIT_USAGE : EXIT_CODES.ok);
}

try {
  if (!Object.hasOwn(COMMANDS, name)) throw new UsageError(`There is no command "${name}".`);
  await COMMANDS[name as keyof typeof COMMANDS](args);
  process.exit(EXIT_CODES.ok);
} catch (error) {
  if (error instanceof UsageError || (error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
    process.stderr.write(`${messageOf(error)}\n\n${HELP}`);
    process.exit(EXIT_USAGE);
  }
  process.stderr.write(`${messageOf(error)}\n`);
  process.exit(error instanceof StartupError ? error.exitCode : EXIT_CODES.crash);
}
