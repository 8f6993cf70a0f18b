import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder with package.json: a checkout, or the package below someone's node_modules. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * The models folder if `MODELS_DIR` is not set: `models` in the current folder. A checkout used from elsewhere has its
 * own. An installed package has none, because npm replaces its folder with each update.
 *
 * `scripts/models/options.mjs` has the same rule, and no import, because it also runs before the build.
 */
export function defaultModelsDir(currentFolder: string, packageRoot = PACKAGE_ROOT): string {
  const here = path.join(currentFolder, 'models');
  const isHere = isInstalled(packageRoot) || existsSync(path.join(here, 'manifest.json'));
  return isHere ? here : path.join(packageRoot, 'models');
}

/** The command that fetches models, for messages. */
export function modelsCommand(packageRoot = PACKAGE_ROOT): string {
  return isInstalled(packageRoot) ? 'npx face-search models' : 'npm run models';
}

function isInstalled(packageRoot: string): boolean {
  return packageRoot.split(path.sep).includes('node_modules');
}
