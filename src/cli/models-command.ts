import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { EXIT_CODES } from '../shared/exit-codes.js';
import { PACKAGE_ROOT } from '../shared/models-dir.js';

export interface ModelsOptions {
  readonly pack?: string;
  readonly dir?: string;
  readonly mirror?: string;
  readonly list?: boolean;
}

/** Runs the script of `npm run models`, which an installed package cannot run by that name. */
export function modelsCommand({ pack, dir, mirror, list = false }: ModelsOptions): void {
  const args = Object.entries({ pack, dir, mirror }).flatMap(([name, value]) =>
    value === undefined ? [] : [`--${name}`, value],
  );
  const script = path.join(PACKAGE_ROOT, 'scripts/models.mjs');
  // Synchronous, so that after Ctrl-C the script ends first: it keeps what it has downloaded, and says so.
  const { status, error } = spawnSync(process.execPath, [script, ...args, ...(list ? ['--list'] : [])], {
    stdio: 'inherit',
  });
  if (error !== undefined) throw error;
  process.exitCode = status ?? EXIT_CODES.crash;
}
