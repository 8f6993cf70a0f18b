import { createInterface } from 'node:readline/promises';
import { parseArgs } from 'node:util';
import { forget } from '../gallery/store/forget.js';
import { connect } from './connect.js';
import { UsageError } from './usage-error.js';

/** Deletes computed faces. */
export async function forgetCommand(args: string[]): Promise<void> {
  const { positionals, values } = parseArgs({
    args,
    allowPositionals: true,
    options: { yes: { type: 'boolean', default: false } },
  });
  const [what, ...others] = positionals;
  if (what === undefined || others.length > 0)
    throw new UsageError('Name what to forget: a stage, a photo, or all.');
  const path = what.replace(/\/+$/, '');
  if (!values.yes && !(await confirm(what === 'all' ? 'the faces of all photos' : `the faces of ${path}`))) {
    process.stdout.write('Nothing was deleted.\n');
    return;
  }
  const { redis } = await connect();
  const { photos, folders } = await forget(redis, what === 'all' ? { kind: 'all' } : { kind: 'path', path });
  process.stdout.write(
    `Deleted the faces of ${photos} photos in ${folders} folders. The next search indexes photos again that are still in the gallery.\n`,
  );
}

async function confirm(what: string): Promise<boolean> {
  if (!process.stdin.isTTY)
    throw new UsageError('Cannot ask for confirmation without a terminal: add --yes.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete ${what}? (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}
