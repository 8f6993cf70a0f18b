import { parseArgs } from 'node:util';
import { VERSION } from '../shared/version.js';

const HELP = `Usage: face-search-worker [options]

Turns this machine into face search workers: one per GPU, or one for the CPU. Writes its log as JSON lines, and
stops with Ctrl-C when the running jobs are done.

Options
  -V, --version   print the version
  -h, --help      print this help

Settings come from the environment and from .env in the current folder. Check them with: face-search doctor`;

/** What to print instead of starting; `null` to start. */
export type Answer = { readonly text: string; readonly isError: boolean } | null;

export function answerArguments(args: readonly string[]): Answer {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: { version: { type: 'boolean', short: 'V' }, help: { type: 'boolean', short: 'h' } },
    });
    if (values.help) return { text: HELP, isError: false };
    return values.version ? { text: VERSION, isError: false } : null;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { text: `${reason}\nRun "face-search-worker --help" for help.`, isError: true };
  }
}
