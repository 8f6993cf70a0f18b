import type { Config } from '../../shared/config.js';
import { messageOf } from '../../shared/errors.js';
import { openPhotoSource, type PhotoSource } from '../../gallery/source/photo-source.js';
import { count } from '../terminal.js';
import { withDeadline } from '../../shared/deadline.js';
import { type Check, checksOf } from './check.js';

const CHECK_TIMEOUT_MS = 10_000;
const COUNT_TIMEOUT_MS = 60_000;
const tooSlow = () => new Error(`The photos cannot be counted within ${COUNT_TIMEOUT_MS / 1000} s.`);

const { ok, warning, error } = checksOf('gallery');

/** GALLERY_DIR: reachable, readable, how many photos, and what is left out. */
export async function checkGallery({
  dir,
  s3,
  ignoredFolders,
  excludedStage,
}: Config['gallery']): Promise<Check[]> {
  if (dir === null)
    return [warning('GALLERY_DIR is not set: only jobs that bring their own photos can be searched.')];
  const source = openPhotoSource(dir, s3, ignoredFolders);
  try {
    const away = () =>
      new Error(`${dir} does not answer within ${CHECK_TIMEOUT_MS / 1000} s: check the network.`);
    const problem = await withDeadline(source.check(), CHECK_TIMEOUT_MS, away);
    if (problem !== null) return [error(`${problem}: ${dir}`)];
    return [...(await checkPhotos(source, dir)), ...(await checkExcluded(source, excludedStage))];
  } catch (cause) {
    return [error(messageOf(cause))];
  }
}

async function checkPhotos(source: PhotoSource, dir: string): Promise<Check[]> {
  const leftOut: string[] = [];
  const counting = source.countByFolder((line, isPhoto) => {
    if (isPhoto) leftOut.push(line);
  });
  const photos = sum((await withDeadline(counting, COUNT_TIMEOUT_MS, tooSlow)).values());
  const first =
    photos === 0
      ? error(`${dir} holds no photos: check the path, and whether it is mounted.`)
      : ok(`${count(photos, 'photo')} in ${dir}.`);
  return [first, ...leftOut.map((line) => warning(`${line}.`))];
}

/** While this folder is missing, workers take no jobs. */
async function checkExcluded(source: PhotoSource, excludedStage: string | null): Promise<Check[]> {
  if (excludedStage === null) return [];
  try {
    const folders = await withDeadline(
      source.list(excludedStage, () => {}),
      COUNT_TIMEOUT_MS,
      tooSlow,
    );
    const photos = sum(folders.map(({ files }) => files.length));
    return photos === 0
      ? [warning(`EXCLUDED_STAGE holds no photos, so no person is excluded: ${excludedStage}.`)]
      : [ok(`${count(photos, 'photo')} of people who are never found, in ${excludedStage}.`)];
  } catch (cause) {
    return [error(`Workers take no jobs because of EXCLUDED_STAGE (${excludedStage}): ${messageOf(cause)}`)];
  }
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
}
