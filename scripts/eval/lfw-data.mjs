import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

/**
 * @typedef {{ person: string, file: string }} Photo  `file` is its path below the folder
 * @typedef {{ a: string, b: string, same: boolean }} Pair
 */

const LAYOUT = `It must have the layout of LFW (http://vis-www.cs.umass.edu/lfw/): one folder per person with
photos such as Jane_Doe/Jane_Doe_0001.jpg, and a file pairs.txt, whose first line is
"<folds> <pairs of each kind per fold>" and whose other lines are "person n m" or "person n other m".`;

/**
 * @param {string} folder
 * @returns {Promise<Photo[]>} sorted by name
 */
export async function listPhotos(folder) {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true }).catch((error) => {
    throw new Error(`The folder ${folder} cannot be read (${error.code}). ${LAYOUT}`);
  });
  const photos = entries
    .filter(
      (entry) => entry.isFile() && /\.(jpe?g|png|webp)$/i.test(entry.name) && entry.parentPath !== folder,
    )
    .map((entry) => ({
      person: path.basename(entry.parentPath),
      file: path.relative(folder, path.join(entry.parentPath, entry.name)),
    }));
  if (photos.length === 0) throw new Error(`The folder ${folder} has no photos. ${LAYOUT}`);
  return photos.toSorted((a, b) => (a.file < b.file ? -1 : 1));
}

/**
 * @param {string} folder
 * @param {readonly Photo[]} photos
 * @returns {Promise<Pair[][]>} the folds
 */
export async function readFolds(folder, photos) {
  const file = path.join(folder, 'pairs.txt');
  const text = await readFile(file, 'utf8').catch((error) => {
    throw new Error(`${file} cannot be read (${error.code}). ${LAYOUT}`);
  });
  const [head = '', ...lines] = text.trim().split('\n');
  const [folds = 0, perKind = 0] = head.trim().split(/\s+/).map(Number);
  if (!(folds >= 2 && perKind >= 1 && lines.length === 2 * folds * perKind)) {
    throw new Error(`${file} says "${head.trim()}" and has ${lines.length} pairs. ${LAYOUT}`);
  }
  const known = new Map(photos.map(({ file: photo }) => [path.parse(photo).name, photo]));
  const photoOf = (/** @type {string} */ person, /** @type {string} */ number) => {
    const name = `${person}_${number.padStart(4, '0')}`;
    const photo = known.get(name);
    if (photo === undefined) throw new Error(`${file} names ${name}, which does not exist. ${LAYOUT}`);
    return photo;
  };
  const pairs = lines.map((line) => {
    const [person = '', first = '', third = '', fourth] = line.trim().split(/\s+/);
    return fourth === undefined
      ? { a: photoOf(person, first), b: photoOf(person, third), same: true }
      : { a: photoOf(person, first), b: photoOf(third, fourth), same: false };
  });
  return Array.from({ length: folds }, (_, fold) =>
    pairs.slice(2 * fold * perKind, 2 * (fold + 1) * perKind),
  );
}
