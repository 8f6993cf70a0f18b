import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * The first `count` JPEGs below a folder, by name.
 *
 * @param {string} folder
 * @param {number} count
 */
export async function readJpegs(folder, count) {
  const names = await readdir(folder, { recursive: true });
  const photos = names.filter((name) => /\.jpe?g$/i.test(name)).toSorted();
  if (photos.length === 0) throw new Error(`There are no JPEGs below ${folder}.`);
  return Promise.all(photos.slice(0, count).map((name) => readFile(path.join(folder, name))));
}
