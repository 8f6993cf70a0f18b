import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

export const HELP = `Usage: scripts/demo [options]

Shows one face search from start to end: starts a private Redis and the worker, puts one job into the
queue, shows its progress, its matches and the worker's heartbeat, and stops everything it started.

Options
  --selfie FILE      a picture of the person to look for
  --gallery FOLDER   the pictures to look through, with all folders below
  --help             this text

Without pictures of yours it uses those in ../shared/data, and without those or without models it draws
some itself. Variables such as USE_CPU, GPU_INDEX, MODEL_PACK, MODELS_MIRROR and MATCH_THRESHOLD are obeyed.`;

/** @typedef {{ selfie: string, gallery: string }} Pictures absolute paths */

/**
 * @param {readonly string[]} args
 * @returns {{ help: boolean, pictures: Pictures | null }}
 * @throws {Error} what is wrong with the command line, for a person
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      selfie: { type: 'string' },
      gallery: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  const { help, selfie, gallery } = values;
  if (help || (selfie === undefined && gallery === undefined)) return { help, pictures: null };
  if (selfie === undefined) throw new Error('Say with --selfie whom to look for.');
  if (gallery === undefined) throw new Error('Say with --gallery which folder to look through.');

  if (!statSync(selfie, { throwIfNoEntry: false })?.isFile()) {
    throw new Error(`The selfie ${selfie} is not a file.`);
  }
  if (!statSync(gallery, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`The gallery ${gallery} is not a folder.`);
  }
  return { help, pictures: { selfie: path.resolve(selfie), gallery: path.resolve(gallery) } };
}
