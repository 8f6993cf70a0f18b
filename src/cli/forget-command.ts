import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { forget } from '../gallery/store/forget.js';
import { connect } from './connect.js';
import { stageBelow } from './stage-below.js';
import { count, printable } from './terminal.js';

/** Deletes computed faces. */
export async function forgetCommand(
  wanted: string,
  { yes = false }: { readonly yes?: boolean },
): Promise<void> {
  if (!yes && !process.stdin.isTTY)
    throw new InvalidArgumentError('Cannot ask for confirmation without a terminal; add --yes.');
  const { config, redis } = await connect();
  const path = stageBelow(config.gallery.dir, wanted);
  if (!yes && !(await confirm(path === 'all' ? 'all photos' : path))) {
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
    `Deleted the faces of ${count(photos, 'photo')}${folders > 0 ? ` in ${count(folders, 'folder')}` : ''}. The next search indexes again what is still in the gallery.\n`,
  );
}

async function confirm(what: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete the faces of ${printable(what)}? (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}
