import { Argument, Command, InvalidArgumentError } from 'commander';
import { VERSION } from '../shared/version.js';
import { completionCommand, SHELLS } from './completion-command.js';
import { doctorCommand } from './doctor/doctor-command.js';
import { forgetCommand } from './forget-command.js';
import { indexCommand } from './index-command.js';
import { modelsCommand } from './models-command.js';
import { optOutsCommand, removeOptOutCommand } from './opt-outs-command.js';
import { searchCommand } from './search-command.js';
import { statusCommand } from './status-command.js';
import { printableLines } from './terminal.js';

const ENVIRONMENT_NOTE = `
Redis, the queue, GALLERY_DIR, EXCLUDED_STAGE and MODELS_DIR come from the environment, or from .env in the current
folder, as for the worker.`;

/** The command line. `parseAsync()` throws a CommanderError for a wrong command line, after printing why. */
export function createProgram(): Command {
  const program = new Command('face-search')
    .description('Search photos by face, index them, and look at the workers.')
    .version(VERSION, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .addHelpText('after', ENVIRONMENT_NOTE)
    .showHelpAfterError('Run "face-search --help" for help.')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(printableLines(text)) });

  define(program, 'index', 'compute the faces of all photos in a folder, on all workers')
    .argument('<stage>', 'a folder below GALLERY_DIR, for example Day-1/Morning', parseStage)
    .option('-p, --pack <name>', 'compute them with this model pack, on the workers that run it')
    .option('-w, --watch', 'keep indexing the photos that arrive, until Ctrl-C')
    .action(reportingUsage(indexCommand));

  define(program, 'search', 'find the photos that show a person')
    .argument('<selfie...>', 'one or more photos of the person')
    .requiredOption('-s, --stage <stage>', 'the folder below GALLERY_DIR to search', parseStage)
    .option('-t, --threshold <score>', 'score (0 to 1) that a match must reach', parseScore)
    .option('-l, --limit <count>', 'maximum number of matches, 0 for all', parseCount)
    .option('--json', 'print the result as JSON')
    .option('--open', 'write a page with the photos and open it in a browser')
    .action(reportingUsage(searchCommand));

  define(program, 'status', 'show the workers and the queues')
    .option('--json', 'print the status as JSON')
    .option('--check', 'only check this machine: exit code 1 unless a worker is online, paused or draining')
    .action(reportingUsage(statusCommand));

  define(program, 'forget', 'delete computed faces in Redis and in the workers')
    .argument('[stage|photo|all]', 'a folder or a photo below GALLERY_DIR, or all', parseStage)
    .option('-p, --pack <name>', 'delete the faces of one model pack instead')
    .option('--person <selfie...>', 'delete the faces of the person in these selfies instead, in all stages')
    .option(
      '-t, --threshold <score>',
      'with --person: score that a face must reach (default: 0.6)',
      parseScore,
    )
    .option('--no-opt-out', 'with --person: do not keep the person out of later indexing')
    .option('--dry-run', 'only show what would be deleted')
    .option('-y, --yes', 'do not ask for confirmation')
    .action(reportingUsage(forgetCommand));

  const optOuts = define(program, 'opt-outs', 'list the people who are kept out of the index')
    .option('--json', 'print the list as JSON')
    .action(reportingUsage(optOutsCommand));
  define(optOuts, 'remove', 'take a person off the list')
    .argument('<id>', 'an id of the list')
    .action(reportingUsage(removeOptOutCommand));

  define(program, 'doctor', 'check this machine: Redis, models, gallery, devices, port, clock and disk')
    .option('--json', 'print the checks as JSON')
    .action(reportingUsage(doctorCommand));

  define(program, 'models', 'download a model pack, check it and prepare it')
    .option('-p, --pack <name>', 'the model pack (default: MODEL_PACK)')
    .option('-d, --dir <folder>', 'the folder for its files (default: MODELS_DIR, or models)')
    .option('-m, --mirror <place>', 'folder or URL to look in first (default: MODELS_MIRROR)')
    .option('--list', 'list all packs instead')
    .action(reportingUsage(modelsCommand));

  define(program, 'completion', 'print a script that completes commands and options in a shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(completionCommand(program));

  return program;
}

function define(parent: Command, name: string, description: string): Command {
  const path = parent.parent === null ? name : `${parent.name()} ${name}`;
  return parent
    .command(name)
    .description(description)
    .helpOption('-h, --help', 'print this help')
    .showHelpAfterError(`Run "face-search ${path} --help" for help.`);
}

/** An InvalidArgumentError of a command looks the same as one of commander's own. */
function reportingUsage<A extends unknown[]>(action: (...args: A) => Promise<void> | void) {
  return async function (this: Command, ...args: A): Promise<void> {
    try {
      await action(...args);
    } catch (error) {
      if (error instanceof InvalidArgumentError) this.error(`error: ${error.message}`);
      throw error;
    }
  };
}

function parseStage(text: string): string {
  let end = text.length;
  while (end > 1 && text[end - 1] === '/') end -= 1;
  if (text.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return text.slice(0, end);
}

function parseScore(text: string): number {
  const score = Number(text);
  if (text.trim() === '' || !(score >= 0 && score <= 1))
    throw new InvalidArgumentError('It must be a number from 0 to 1.');
  return score;
}

function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(count))
    throw new InvalidArgumentError('It must be a whole number, 0 or more.');
  return count;
}
