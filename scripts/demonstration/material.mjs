import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fetchPack } from '../models/fetch-pack.mjs';
import { readOptions as readModelOptions } from '../models/options.mjs';
import { writeTinyModels } from '../tiny/models.mjs';
import { drawPictures } from './drawn-pictures.mjs';

/**
 * What is searched, and with what.
 *
 * @typedef {object} Material
 * @property {string} selfie
 * @property {string} galleryDir
 * @property {string} stage the folder below `galleryDir` that is searched
 * @property {string} modelPack
 * @property {string} modelsDir
 */

/**
 * The user's pictures; else those in ../shared/data; else drawn ones. The first two want real models.
 *
 * @param {import('./options.mjs').Pictures | null} pictures
 * @param {{ project: string, directory: string, signal: AbortSignal }} surroundings `directory` is for what
 *   has to be written
 * @returns {Promise<Material>}
 * @throws {Error} the models for the user's pictures cannot be had
 */
export async function chooseMaterial(pictures, { project, directory, signal }) {
  const { pack, directory: modelsDir, mirror } = readModelOptions([], process.env, project);
  const surroundings = { project, output: process.stdout, signal };
  if (pictures !== null) {
    await fetchPack({ pack, directory: modelsDir, mirror }, surroundings);
    return { ...searchFolder(pictures), modelPack: pack, modelsDir };
  }

  const shared = await gatherSharedPictures(path.resolve(project, '../shared/data'), directory);
  if (shared === null) return draw('There are no photographs in ../shared/data', directory);
  try {
    await fetchPack({ pack, directory: modelsDir, mirror }, surroundings);
  } catch (error) {
    signal.throwIfAborted();
    console.log(error instanceof Error ? error.message : error);
    return draw('There are no models for photographs', directory);
  }
  return { ...searchFolder(shared), modelPack: pack, modelsDir };
}

/** @param {import('./options.mjs').Pictures} pictures */
function searchFolder({ selfie, gallery }) {
  return { selfie, galleryDir: path.dirname(gallery), stage: path.basename(gallery) };
}

/**
 * @param {string} reason
 * @param {string} directory
 * @returns {Promise<Material>}
 */
async function draw(reason, directory) {
  console.log(`${reason}: going on with drawn pictures, and tiny models that know drawn faces.`);
  const modelsDir = path.join(directory, 'models');
  await writeTinyModels(modelsDir);
  return { ...searchFolder(await drawPictures(directory)), modelPack: 'tiny', modelsDir };
}

/**
 * The first portrait is the selfie; the others and the group pictures are the gallery.
 *
 * @param {string} shared
 * @param {string} directory
 */
async function gatherSharedPictures(shared, directory) {
  const selfie = path.join(shared, 'faces/img1.jpg');
  if (!(await isThere(selfie))) return null;
  const gallery = path.join(directory, 'gallery');
  for (const folder of ['faces', 'groups']) {
    await mkdir(path.join(gallery, folder), { recursive: true });
    const names = (await isThere(path.join(shared, folder))) ? await readdir(path.join(shared, folder)) : [];
    for (const name of names.filter((file) => /\.jpe?g$/i.test(file))) {
      const picture = path.join(shared, folder, name);
      if (picture !== selfie) await copyFile(picture, path.join(gallery, folder, name));
    }
  }
  return { selfie, gallery };
}

/** @param {string} place */
async function isThere(place) {
  return stat(place).then(
    () => true,
    () => false,
  );
}
