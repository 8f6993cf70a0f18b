import path from 'node:path';
import { listPhotos } from '../eval/lfw-data.mjs';
import { thresholdAt } from '../eval/metrics.mjs';

/** @typedef {import('./peer-libraries.mjs').Embedding} Embedding */

const FALSE_MATCH_RATE = 1e-3;

/**
 * Two photos of each of these people, who are spread over the folder.
 *
 * @param {string} folder
 * @param {number} people
 */
export async function choosePairs(folder, people) {
  const photos = await listPhotos(folder);
  const firsts = photos.flatMap((photo, i) => (photo.person === photos[i - 1]?.person ? [] : [i]));
  const pairs = firsts
    .map((i) => photos.slice(i, i + 2))
    .filter(([first, second]) => first?.person === second?.person);
  if (pairs.length < people) throw new Error(`Only ${pairs.length} people in ${folder} have two photos.`);
  return Array.from({ length: people }, (_, i) => pairs[Math.floor((i * pairs.length) / people)] ?? [])
    .flat()
    .map(({ person, file }) => ({ person, file: path.join(folder, file) }));
}

/**
 * The shares of the pairs of one person that are more alike than all pairs of different people, and than 99.9 % of them. Two
 * photos are not alike at all if one of them has no face.
 *
 * @param {readonly { person: string, embedding: Embedding | undefined }[]} faces
 * @param {(a: Embedding, b: Embedding) => number} similarity
 * @returns {{ aboveAll: number, aboveMost: number | null }} `null` if there are too few pairs for a rate
 */
export function judge(faces, similarity) {
  /** @type {number[]} */
  const same = [];
  /** @type {number[]} */
  const different = [];
  for (const [i, { person, embedding: a }] of faces.entries()) {
    for (const { person: other, embedding: b } of faces.slice(i + 1)) {
      const value = a === undefined || b === undefined ? -Infinity : similarity(a, b);
      (person === other ? same : different).push(value);
    }
  }
  const impostors = Float32Array.from(different).toSorted().toReversed();
  const shareAbove = (/** @type {number} */ limit) =>
    same.filter((value) => value > limit).length / same.length;
  const threshold = thresholdAt(impostors, FALSE_MATCH_RATE);
  return {
    aboveAll: shareAbove(impostors[0] ?? -Infinity),
    aboveMost: threshold === null ? null : shareAbove(threshold),
  };
}
