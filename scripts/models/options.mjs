import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs, parseEnv } from 'node:util';

export const HELP = `Usage: npm run models -- [options]

Downloads the files of a model pack, checks their SHA-256 and prepares the embedder for speed. Installed files
are kept, and an interrupted download resumes.

Options
  --pack NAME      the pack to download          MODEL_PACK     (mobilefacenet)
  --dir FOLDER     the folder for its files      MODELS_DIR     (models)
  --mirror PLACE   where to look for them first  MODELS_MIRROR
                   a folder, or a URL: http://, https:// or file://
  --list           list all packs and exit
  --help           show this text

An option overrides its variable, and the environment overrides the file .env.`;

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
 * @returns {Options}
 * @throws {TypeError} if an option is unknown or lacks its value
 */
export function readOptions(args, environment, project) {
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
  const variables = { ...readEnvFile(path.join(project, '.env')), ...environment };
  const directory = values.dir ?? variables['MODELS_DIR'];
  return {
    help: values.help,
    list: values.list,
    pack: values.pack || variables['MODEL_PACK'] || 'mobilefacenet',
    directory: directory ? path.resolve(directory) : path.join(project, 'models'),
    mirror: values.mirror || variables['MODELS_MIRROR'] || null,
  };
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
