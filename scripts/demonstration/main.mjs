// Import only Node's own modules here: on a fresh machine no package is installed yet.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { HELP, readOptions } from './options.mjs';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const project = path.resolve(import.meta.dirname, '../..');

const interruption = new AbortController();

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

function readCommandLine() {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${HELP}`);
    process.exit(EXIT_USAGE);
  }
}

/**
 * @param {string} command
 * @param {readonly string[]} args
 */
async function run(command, ...args) {
  const child = spawn(command, args, { cwd: project, stdio: ['ignore', 'inherit', 'inherit'] });
  const [code] = await once(child, 'exit');
  // Ctrl-C reaches the child, too.
  interruption.signal.throwIfAborted();
  if (code !== 0) throw new Error(`${[command, ...args].join(' ')} failed.`);
}

const options = readCommandLine();
if (options.help) {
  console.log(HELP);
  process.exit();
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP'])) {
  process.on(signal, () => interruption.abort(new Error('Interrupted.')));
}
try {
  await run(path.join(project, 'scripts/provide.sh'));
  await run('npm', 'run', '--silent', 'build');
  const { demonstrate } = await import('./demonstrate.mjs');
  const { images, keep } = options;
  await demonstrate(images, { project, keep, signal: interruption.signal });
} catch (error) {
  console.error(`\n${messageOf(error)}`);
  process.exitCode = interruption.signal.aborted ? EXIT_INTERRUPTED : EXIT_FAILED;
}
