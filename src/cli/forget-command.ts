import { createInterface } from 'node:readline/promises';
import { InvalidArgumentError } from 'commander';
import { type Forgettable, forget } from '../gallery/store/forget.js';
import { connect } from './connect.js';
import { stageBelow } from './stage-below.js';
import { count, printable } from './terminal.js';

/** Deletes computed faces. */
export async function forgetCommand(
  wanted: string | undefined,
  { yes = false, pack }: { readonly yes?: boolean; readonly pack?: string },
): Promise<void> {
  if ((wanted === undefined) === (pack === undefined))
    throw new InvalidArgumentError('Name a folder, a photo or all; or use --pack with a model pack.');
  if (!yes && !process.stdin.isTTY)
    throw new InvalidArgumentError('Cannot ask for confirmation without a terminal; add --yes.');
  const { config, redis } = await connect();
  const { what, words, hint } = describe(pack ?? null, stageBelow(config.gallery.dir, wanted ?? 'all'));
  if (!yes && !(await confirm(words))) {
    process.stdout.write('Nothing was deleted.\n');
    return;
  }
  const { photos, folders } = await forget(redis, what);
  if (photos === 0 && folders === 0) throw new Error(hint);
  process.stdout.write(
    `Deleted the faces of ${count(photos, 'photo')}${folders > 0 ? ` in ${count(folders, 'folder')}` : ''}. The next search indexes again what is still in the gallery.\n`,
  );
}

function describe(pack: string | null, path: string): { what: Forgettable; words: string; hint: string } {
  if (pack !== null) {
    const hint = `Redis has no faces of the model pack "${pack}", so nothing was deleted.`;
    return { what: { kind: 'pack', pack }, words: `the model pack ${pack}`, hint };
  }
  if (path === 'all') {
    const hint = 'Redis has no computed faces, so nothing was deleted.';
    return { what: { kind: 'all' }, words: 'all photos', hint };
  }
  const hint = `Redis has no faces of "${path}", so nothing was deleted. Give a folder or a photo below GALLERY_DIR, or all.`;
  return { what: { kind: 'path', path }, words: path, hint };
}

async function confirm(what: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const answer = await terminal.question(`Delete the faces of ${printable(what)}? (yes/no) `);
  terminal.close();
  return answer.trim().toLowerCase() === 'yes';
}
