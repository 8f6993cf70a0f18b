import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { type Forgettable, forget } from '../gallery/store/forget.js';
import { connect } from './connect.js';
import { UsageError } from './usage-error.js';

/** Deletes computed faces. */
export async function forgetCommand(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false }, pack: { type: 'string' } },
  });
  const { what, words } = whatToForget(positionals, values.pack);
  if (!values.yes && !(await confirm(words))) {
    process.stdout.write('Nothing was deleted.\n');
    return;
  }
  const { redis } = await connect();
  const { photos, folders } = await forget(redis, what);
  process.stdout.write(
    `Deleted the faces of ${photos} photos in ${folders} folders. The next search indexes photos again that are still in the gallery.\n`,
  );
}

function whatToForget(
  [what, ...others]: readonly string[],
  pack: string | undefined,
): { what: Forgettable; words: string } {
  if (pack !== undefined && pack !== '' && what === undefined) {
    return { what: { kind: 'pack', pack }, words: `the faces of the model pack ${pack}` };
  }
  if (what === undefined || others.length > 0 || pack !== undefined)
    throw new UsageError('Name what to forget: a stage, a photo, all, or --pack and a model pack.');
  if (what === 'all') return { what: { kind: 'all' }, words: 'the faces of all photos' };
  const path = what.replace(/\/+$/, '');
  return { what: { kind: 'path', path }, words: `the faces of ${path}` };
}

async function confirm(what: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('Cannot ask for confirmation without a terminal: add --yes.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete ${what}? (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}
