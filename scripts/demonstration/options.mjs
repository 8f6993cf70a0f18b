import { statSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

export const HELP = `Usage: scripts/demo [options]

Runs one face search from start to end. It starts its own Redis, a worker and the dashboard, adds one job to
the queue, and shows the progress, the matches and the worker's heartbeat. Then it stops everything it started.

Options
  --selfie FILE      image of the person to search for
  --gallery FOLDER   folder with the photos to search, including its subfolders
  --keep             leave everything running until Ctrl-C, for a look at the dashboard
  --help             show this text

Without these options it uses the photos in ../shared/data. Without those, or without models, it draws its
own images. Environment variables such as USE_CPU, GPU_INDEX, MODEL_PACK, MODELS_MIRROR and MATCH_THRESHOLD apply.`;

/** @typedef {{ selfie: string, gallery: string }} Images absolute paths */

/**
 * @param {readonly string[]} args
 * @returns {{ help: boolean, keep: boolean, images: Images | null }}
 * @throws {Error} if the command line is wrong
 */
export function readOptions(args) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      selfie: { type: 'string' },
      gallery: { type: 'string' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const { help, keep, selfie, gallery } = values;
  if (help || (selfie === undefined && gallery === undefined)) return { help, keep, images: null };
  if (selfie === undefined)
    throw new Error('--gallery needs --selfie FILE, the image of the person to search for.');
  if (gallery === undefined)
    throw new Error('--selfie needs --gallery FOLDER, the folder with the photos to search.');

  if (!statSync(selfie, { throwIfNoEntry: false })?.isFile()) {
    throw new Error(`The selfie ${selfie} is not a file.`);
  }
  if (!statSync(gallery, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Error(`The gallery ${gallery} is not a folder.`);
  }
  return { help, keep, images: { selfie: path.resolve(selfie), gallery: path.resolve(gallery) } };
}
