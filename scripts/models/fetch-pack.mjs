import { copyFile, mkdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { installModel } from './install-model.mjs';
import { UNMEASURED } from './list-packs.mjs';
import { readPack } from './manifest.mjs';
import { prepareEmbedder } from './prepare-embedder.mjs';
import { createProgress } from './progress.mjs';
import { listSources } from './sources.mjs';

/**
 * Fetches every file of a pack that is missing, and reports each on `output`.
 *
 * @param {{ pack: string, directory: string, mirror: string | null }} options
 * @param {{ project: string, output: { write: (text: string) => unknown, isTTY?: boolean }, signal: AbortSignal }} surroundings
 *   `project` is the project's absolute path
 * @throws {Error} if a file cannot be downloaded, with instructions; the other files are installed
 */
export async function fetchPack({ pack, directory, mirror }, { project, output, signal }) {
  await mkdir(directory, { recursive: true });
  const manifestFile = await provideManifest(directory, path.join(project, 'models'));
  const { detector, embedder, measured } = await readPack(manifestFile, pack);
  if (measured === null) output.write(`${pack}: ${UNMEASURED}\n`);
  const shared = path.resolve(project, '..', 'shared', 'models');
  /** @type {unknown[]} */
  const errors = [];

  for (const model of [detector, embedder]) {
    const sharedFile = path.join(shared, model.file);
    const sharedPlaces = (await exists(sharedFile)) ? [sharedFile] : [];
    const progress = createProgress(output, model.file);
    try {
      const { origin, failures } = await installModel(model, {
        directory,
        sources: listSources(model, mirror, sharedPlaces),
        signal,
        onProgress: (bytes, totalBytes) => progress.report(bytes, totalBytes),
        onSource: (address) => output.write(`${model.file}: fetching from ${address}\n`),
      });
      progress.end();
      for (const failure of failures) output.write(`${model.file}: not from ${failure}\n`);
      const outcome = origin === null ? 'already installed' : `fetched from ${origin}`;
      output.write(`${model.file}: ${outcome}, SHA-256 verified (${model.licence})\n`);
      if (model.nonCommercial) {
        output.write(`${model.file}: its licence, ${model.licence}, forbids commercial use\n`);
      }
    } catch (error) {
      progress.end();
      signal.throwIfAborted();
      errors.push(error);
    }
  }
  // The embedder may be installed even if the detector is not.
  if (await exists(path.join(directory, embedder.file))) {
    for (const file of await prepareEmbedder(embedder, directory)) {
      output.write(`${file}: prepared, computes the same embeddings as ${embedder.file}\n`);
    }
  }
  if (errors.length > 0) throw new Error(errors.map(messageOf).join('\n\n'), { cause: errors[0] });
}

/**
 * The worker reads the manifest in its models folder, so copies the project's manifest to a folder without one.
 *
 * @param {string} directory
 * @param {string} projectModels
 * @returns {Promise<string>} the manifest's path
 */
async function provideManifest(directory, projectModels) {
  const target = path.join(directory, 'manifest.json');
  if (!(await exists(target))) await copyFile(path.join(projectModels, 'manifest.json'), target);
  return target;
}

/** @param {string} place */
async function exists(place) {
  return stat(place).then(
    () => true,
    () => false,
  );
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error ? error.message : String(error);
}
