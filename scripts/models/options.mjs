import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, parseEnv } from 'node:util';

export const HELP = `Usage: face-search models [options]    (in a checkout also: npm run models -- [options])

Downloads the files of a model pack, checks their SHA-256 and prepares the embedder for speed. Installed files
are kept, and an interrupted download resumes.

Options
  --pack NAME      the pack to download          MODEL_PACK     (mobilefacenet)
  --dir FOLDER     the folder for its files      MODELS_DIR     (models)
  --mirror PLACE   where to look for them first  MODELS_MIRROR
                   a folder, or a URL: http://, https:// or file://
  --list           list all packs and exit
  --help           show this text

An option overrides its variable, and the environment overrides the file .env in the current folder. In a checkout,
the default folder is the checkout's models, unless the current folder has one with a manifest.json.`;

/**
 * @typedef {object} Options
 * @property {boolean} help
 * @property {boolean} list
 * @property {string} pack
 * @property {string} directory absolute
 * @property {string | null} mirror a folder or a URL
 */

/**
 * @param {readonly string[]} args
 * @param {Readonly<Record<string, string | undefined>>} environment
 * @param {string} project absolute path of the project
 * @param {string} [currentFolder] has `.env`; relative paths start there
 * @returns {Options}
 * @throws {TypeError} if an option is unknown or lacks its value
 */
export function readOptions(args, environment, project, currentFolder = project) {
  const { values } = parseArgs({
    args: [...args],
    options: {
      pack: { type: 'string' },
      dir: { type: 'string' },
      mirror: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const variables = { ...readEnvFile(path.join(currentFolder, '.env')), ...environment };
  const directory = values.dir ?? variables['MODELS_DIR'];
  return {
    help: values.help,
    list: values.list,
    pack: values.pack || variables['MODEL_PACK'] || 'mobilefacenet',
    directory: directory ? path.resolve(currentFolder, directory) : defaultDirectory(currentFolder, project),
    mirror: values.mirror || variables['MODELS_MIRROR'] || null,
  };
}

/**
 * The same rule as in `src/shared/models-dir.ts`.
 *
 * @param {string} currentFolder
 * @param {string} project
 */
function defaultDirectory(currentFolder, project) {
  const here = path.join(currentFolder, 'models');
  const isInstalled = project.split(path.sep).includes('node_modules');
  return isInstalled || existsSync(path.join(here, 'manifest.json')) ? here : path.join(project, 'models');
}

/**
 * @param {string} file
 * @returns {NodeJS.Dict<string>}
 */
function readEnvFile(file) {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return {};
    throw error;
  }
}
