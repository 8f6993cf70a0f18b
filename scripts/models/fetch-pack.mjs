import { copyFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { installModel } from './install-model.mjs';
import { readPack } from './manifest.mjs';
import { createProgress } from './progress.mjs';
import { listSources } from './sources.mjs';

/**
 * Fetches every file of a pack that is not there yet, and tells of each on `output`.
 *
 * @param {{ pack: string, directory: string, mirror: string | null }} options
 * @param {{ project: string, output: { write: (text: string) => unknown, isTTY?: boolean }, signal: AbortSignal }} surroundings
 *   `project` is the project's absolute path
 * @throws {Error} a file cannot be had, saying what to do
 */
export async function fetchPack({ pack, directory, mirror }, { project, output, signal }) {
  await mkdir(directory, { recursive: true });
  await provideManifest(directory, path.join(project, 'models'));
  const shared = path.resolve(project, '..', 'shared', 'models');

  for (const model of await readPack(path.join(directory, 'manifest.json'), pack)) {
    const sharedFile = path.join(shared, model.file);
    const sharedPlaces = (await isThere(sharedFile)) ? [sharedFile] : [];
    const progress = createProgress(output, model.file);
    try {
      const { origin, failures } = await installModel(model, {
        directory,
        sources: listSources(model, mirror, sharedPlaces),
        signal,
        onProgress: (bytes, totalBytes) => progress.report(bytes, totalBytes),
      });
      progress.end();
      const outcome = origin === null ? 'already there' : `fetched from ${origin}`;
      for (const failure of failures) output.write(`${model.file}: not from ${failure}\n`);
      output.write(`${model.file}: ${outcome}, SHA-256 right (${model.licence})\n`);
    } finally {
      progress.end();
    }
  }
}

/**
 * The worker reads the manifest beside its models: a folder without one gets the project's.
 *
 * @param {string} directory
 * @param {string} projectModels
 */
async function provideManifest(directory, projectModels) {
  const target = path.join(directory, 'manifest.json');
  if (!(await isThere(target))) await copyFile(path.join(projectModels, 'manifest.json'), target);
}

/** @param {string} place */
async function isThere(place) {
  return stat(place).then(
    () => true,
    () => false,
  );
}
