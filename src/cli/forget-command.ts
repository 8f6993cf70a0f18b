import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { forget } from '../gallery/store/forget.js';
import { connect } from './connect.js';
import { stageBelow } from './stage-below.js';
import { count, printable } from './terminal.js';

/** Deletes computed faces. */
<<<<<<< HEAD
export async function forgetCommand(
  wanted: string,
  { yes = false }: { readonly yes?: boolean },
): Promise<void> {
  if (!yes && !process.stdin.isTTY)
    throw new InvalidArgumentError('Cannot ask for confirmation without a terminal; add --yes.');
  const { config, redis } = await connect();
  const path = stageBelow(config.gallery.dir, wanted);
  if (!yes && !(await confirm(path === 'all' ? 'all photos' : path))) {
=======
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
>>>>>>> main
    process.stdout.write('Nothing was deleted.\n');
    return;
  }
  const { photos, folders } = await forget(redis, path === 'all' ? { kind: 'all' } : { kind: 'path', path });
  if (photos === 0 && folders === 0) {
    throw new Error(
      path === 'all'
        ? 'Redis has no computed faces, so nothing was deleted.'
        : `Redis has no faces of "${path}", so nothing was deleted. Give a folder or a photo below GALLERY_DIR, or all.`,
    );
  }
  process.stdout.write(
<<<<<<< HEAD
    `Deleted the faces of ${count(photos, 'photo')}${folders > 0 ? ` in ${count(folders, 'folder')}` : ''}. The next search indexes again what is still in the gallery.\n`,
=======
    `Deleted the faces of ${photos} photos in ${folders} folders. The next search indexes photos again that are still in the gallery.\n`,
>>>>>>> main
  );
}

async function confirm(what: string): Promise<boolean> {
<<<<<<< HEAD
=======
  if (!process.stdin.isTTY)
    throw new UsageError('Cannot ask for confirmation without a terminal: add --yes.');
>>>>>>> main
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete the faces of ${printable(what)}? (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}
