import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readOptions } from '../../scripts/models/options.mjs';
import { defaultModelsDir, modelsCommand } from '../../src/shared/models-dir.js';

const CHECKOUT = path.resolve('/home/me/face-search-worker');
const INSTALLED = path.resolve('/home/me/portal/node_modules/face-search-worker');

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'models-dir-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** The worker's rule; the rule of the command that fetches models must be the same. */
function modelsDir(packageRoot: string): string {
  const directory = defaultModelsDir(folder, packageRoot);
  expect(readOptions([], {}, packageRoot, folder).directory).toBe(directory);
  return directory;
}

it("takes a checkout's own models when it is used from elsewhere", () => {
  expect(modelsDir(CHECKOUT)).toBe(path.join(CHECKOUT, 'models'));
});

it('takes the models in the current folder if they have a manifest', () => {
  mkdirSync(path.join(folder, 'models'));
  expect(modelsDir(CHECKOUT)).toBe(path.join(CHECKOUT, 'models'));
  writeFileSync(path.join(folder, 'models/manifest.json'), '{}');
  expect(modelsDir(CHECKOUT)).toBe(path.join(folder, 'models'));
});

it('never takes the folder of an installed package, which npm replaces', () => {
  expect(modelsDir(INSTALLED)).toBe(path.join(folder, 'models'));
});

it('names the command that works for a checkout or for an installed package', () => {
  expect(modelsCommand(CHECKOUT)).toBe('npm run models');
  expect(modelsCommand(INSTALLED)).toBe('npx face-search models');
});
