import { copyFile, mkdir, readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import { fetchPack } from '../models/fetch-pack.mjs';
import { readOptions as readModelOptions } from '../models/options.mjs';
import { writeTinyModels } from '../tiny/models.mjs';
import { drawImages } from './drawn-images.mjs';

/**
 * The selfie, the gallery and the models of one search.
 *
 * @typedef {object} Material
 * @property {string} selfie
 * @property {string} galleryDir
 * @property {string} stage the folder below `galleryDir` to search
 * @property {string} modelPack
 * @property {string} modelsDir
 */

/**
 * Takes the user's images, else those in ../shared/data, else drawn ones. Only drawn faces need no real models.
 *
 * @param {import('./options.mjs').Images | null} images
 * @param {{ project: string, directory: string, signal: AbortSignal }} surroundings `directory` is for
 *   files that the demo writes
 * @returns {Promise<Material>}
 * @throws {Error} if the models for the user's images are not available
 */
export async function chooseMaterial(images, { project, directory, signal }) {
  const { pack, directory: modelsDir, mirror } = readModelOptions([], process.env, project);
  const surroundings = { project, output: process.stdout, signal };
  if (images !== null) {
    await fetchPack({ pack, directory: modelsDir, mirror }, surroundings);
    return { ...searchFolder(images), modelPack: pack, modelsDir };
  }

  const shared = await copySharedPhotos(path.resolve(project, '../shared/data'), directory);
  if (shared === null) return draw('There are no photos in ../shared/data', directory);
  try {
    await fetchPack({ pack, directory: modelsDir, mirror }, surroundings);
  } catch (error) {
    signal.throwIfAborted();
    console.log(error instanceof Error ? error.message : error);
    return draw('The models for photos are not available', directory);
  }
  return { ...searchFolder(shared), modelPack: pack, modelsDir };
}

/** @param {import('./options.mjs').Images} images */
function searchFolder({ selfie, gallery }) {
  return { selfie, galleryDir: path.dirname(gallery), stage: path.basename(gallery) };
}

/**
 * @param {string} reason
 * @param {string} directory
 * @returns {Promise<Material>}
 */
async function draw(reason, directory) {
  console.log(`${reason}. Using drawn images instead, and tiny models that recognise drawn faces.`);
  const modelsDir = path.join(directory, 'models');
  await writeTinyModels(modelsDir);
  return { ...searchFolder(await drawImages(directory)), modelPack: 'tiny', modelsDir };
}

/**
 * The first portrait is the selfie. The other portraits and the group photos are the gallery.
 *
 * @param {string} shared
 * @param {string} directory
 */
async function copySharedPhotos(shared, directory) {
  const selfie = path.join(shared, 'faces/img1.jpg');
  if (!(await exists(selfie))) return null;
  const gallery = path.join(directory, 'gallery');
  for (const folder of ['faces', 'groups']) {
    await mkdir(path.join(gallery, folder), { recursive: true });
    const names = (await exists(path.join(shared, folder))) ? await readdir(path.join(shared, folder)) : [];
    for (const name of names.filter((file) => /\.jpe?g$/i.test(file))) {
      const photo = path.join(shared, folder, name);
      if (photo !== selfie) await copyFile(photo, path.join(gallery, folder, name));
    }
  }
  return { selfie, gallery };
}

/** @param {string} file */
async function exists(file) {
  return stat(file).then(
    () => true,
    () => false,
  );
}
