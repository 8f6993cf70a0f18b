#!/usr/bin/env node
import path from 'node:path';
import { fetchPack } from './models/fetch-pack.mjs';
import { listPacks } from './models/list-packs.mjs';
import { HELP, readOptions } from './models/options.mjs';

const EXIT_FAILED = 1;
const EXIT_USAGE = 2;
const EXIT_INTERRUPTED = 130;

const project = path.resolve(import.meta.dirname, '..');

/** @param {unknown} error */
const messageOf = (error) => (error instanceof Error ? error.message : String(error));

function readCommandLine() {
  try {
    return readOptions(process.argv.slice(2), process.env, project, process.cwd());
  } catch (error) {
    console.error(`${messageOf(error)}\n\n${HELP}`);
    process.exit(EXIT_USAGE);
  }
}

const options = readCommandLine();
if (options.help) {
  console.log(HELP);
  process.exit();
}

const interruption = new AbortController();
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => interruption.abort());
}
try {
  if (options.list) console.log(await listPacks(options.directory, path.join(project, 'models')));
  else await fetchPack(options, { project, output: process.stdout, signal: interruption.signal });
} catch (error) {
  if (interruption.signal.aborted) {
    console.error('\nStopped. Run it again to resume.');
    process.exitCode = EXIT_INTERRUPTED;
  } else {
    console.error(messageOf(error));
    process.exitCode = EXIT_FAILED;
  }
}
