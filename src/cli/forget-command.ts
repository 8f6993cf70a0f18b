import { InvalidArgumentError } from 'commander';
import { type Forgettable, type Forgotten, forget } from '../gallery/store/forget.js';
import { confirm, requireTerminal } from './confirm.js';
import { connect } from './connect.js';
import { forgetPersonCommand } from './forget-person-command.js';
import { stageBelow } from './stage-below.js';
import { count } from './terminal.js';

interface ForgetOptions {
  readonly yes?: boolean;
  readonly pack?: string;
  readonly person?: readonly string[];
  readonly threshold?: number;
  readonly optOut?: boolean;
  readonly dryRun?: boolean;
}

/** Deletes computed faces. */
export async function forgetCommand(
  wanted: string | undefined,
  { yes = false, pack, person, threshold, optOut = true, dryRun = false }: ForgetOptions,
): Promise<void> {
  if ([wanted, pack, person].filter((given) => given !== undefined).length !== 1) {
    throw new InvalidArgumentError(
      'Name a folder, a photo or all; or use --pack with a model pack, or --person with a selfie.',
    );
  }
  if (person === undefined && (threshold !== undefined || !optOut))
    throw new InvalidArgumentError('--threshold and --no-opt-out need --person.');
  if (!yes && !dryRun) requireTerminal();
  if (person !== undefined) {
    await forgetPersonCommand(person, {
      optOut,
      yes,
      isDry: dryRun,
      ...(threshold !== undefined && { threshold }),
    });
    return;
  }
  const { config, redis } = await connect();
  const { what, words, hint } = describe(pack ?? null, stageBelow(config.gallery.dir, wanted ?? 'all'));
  if (!yes && !dryRun && !(await confirm(`Delete the faces of ${words}?`))) {
    process.stdout.write('Nothing was deleted.\n');
    return;
  }
  const forgotten = await forget(redis, what, dryRun);
  if (Object.values(forgotten).every((number) => number === 0)) throw new Error(hint);
  process.stdout.write(
    dryRun
      ? `Would delete ${summarize(forgotten)}. Nothing was deleted.\n`
      : `Deleted ${summarize(forgotten)}. The next search indexes again what is still in the gallery.\n`,
  );
}

function summarize({ photos, folders, failures, unreferenced }: Forgotten): string {
  const parts = [
    `the faces of ${count(photos, 'photo')}${folders > 0 ? ` in ${count(folders, 'folder')}` : ''}`,
    unreferenced > 0 ? `${count(unreferenced, 'photo')} that no file refers to` : '',
    failures > 0 ? `${count(failures, 'record')} of photos that failed` : '',
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function describe(pack: string | null, path: string): { what: Forgettable; words: string; hint: string } {
  if (pack !== null) {
    const hint = `Redis has no faces of the model pack "${pack}", so there is nothing to delete.`;
    return { what: { kind: 'pack', pack }, words: `the model pack ${pack}`, hint };
  }
  if (path === 'all') {
    const hint = 'Redis has no computed faces, so there is nothing to delete.';
    return { what: { kind: 'all' }, words: 'all photos', hint };
  }
  const hint = `Redis has no faces of "${path}", so there is nothing to delete. Give a folder or a photo below GALLERY_DIR, or all.`;
  return { what: { kind: 'path', path }, words: path, hint };
}
