import type { Redis } from 'ioredis';
import { isWithin } from '../source/stage-path.js';
import { cosineOf } from './fixed-point.js';
import { announceForgotten, logForgetting } from './forgotten-log.js';
import { type Person, withoutPeople } from './opt-outs.js';
import { decodePhoto, encodePhoto } from './photo-record.js';
import { scanFiles } from './scan-files.js';
import { hashOf, scanPhotos, type StoredPhoto } from './scan-photos.js';

/** A photo is only written again by other deletions, and by the worker that has just analyzed it. */
const MAX_TRIES = 20;

/** Replaces a photo's faces, unless they changed meanwhile. KEYS: the photo. ARGV: its faces before and after. */
const REPLACE = `
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'KEEPTTL')
return 1`;

/** A photo in the index that shows the person. */
export interface PersonPhoto {
  /** Of its files, sorted. Without any, it is an earlier content of a file, or a job brought it. */
  readonly paths: readonly string[];
  /** Of the most similar face, -1..1. Comparable with the first of the person's probes. */
  readonly cosine: number;
  /** Faces of the person. */
  readonly faces: number;
  /** It is in `EXCLUDED_STAGE`, where its faces keep people out of all results. */
  readonly isKept: boolean;
}

export interface ForgetPersonOptions {
  /** Only finds the photos. */
  readonly isDry: boolean;
  /** Photos in this stage keep their faces. */
  readonly excludedStage: string | null;
  /** Called with the number of photos that were read. */
  readonly onRead?: (photos: number) => void;
}

/**
 * Deletes one person's faces from all photos of the person's model pack, and has running workers drop them from memory.
 * The other faces of a photo stay. The photos are not indexed again until `forget` deletes them whole.
 *
 * @returns the photos that show the person
 */
export async function forgetPerson(
  redis: Redis,
  person: Person,
  { isDry, excludedStage, onRead = () => {} }: ForgetPersonOptions,
): Promise<PersonPhoto[]> {
  const found = new Map<string, Shown>();
  const kept = await hashesWithin(redis, excludedStage);
  for await (const photos of scanPhotos(redis, person.packKey, onRead)) {
    const changing: StoredPhoto[] = [];
    for (const photo of photos) {
      const hash = hashOf(photo.key);
      const shown = look(photo.record, person);
      if (shown === null) continue;
      found.set(hash, shown);
      if (!isDry && !kept.has(hash)) changing.push(photo);
    }
    if (changing.length > 0) await deleteFaces(redis, changing, person);
  }
  const paths = await pathsOf(redis, found);
  return Array.from(found, ([hash, { cosine, faces }]) => ({
    paths: paths.get(hash) ?? [],
    cosine,
    faces,
    isKept: kept.has(hash),
  }));
}

type Shown = Pick<PersonPhoto, 'cosine' | 'faces'>;

/** @returns `null` for a photo that does not show the person */
function look(record: Buffer, { probes }: Person): Shown | null {
  const photo = decodePhoto(record, sizeOf(probes));
  if (photo?.kind !== 'faces') return null;
  const lowest = probes[0]?.minCosine ?? 1;
  const cosines = photo.faces
    // In terms of the first probe, so that they can be compared.
    .map((face) =>
      Math.max(
        ...probes.map(
          ({ embedding, minCosine }) => (cosineOf(embedding, face.embedding) * lowest) / minCosine,
        ),
      ),
    )
    .filter((cosine) => cosine >= lowest);
  return cosines.length === 0 ? null : { cosine: Math.max(...cosines), faces: cosines.length };
}

function sizeOf(probes: Person['probes']): number {
  return probes[0]?.embedding.length ?? 0;
}

/** Logs the photos also in advance: if this process is killed in between, the workers drop them anyway. */
async function deleteFaces(redis: Redis, photos: readonly StoredPhoto[], person: Person): Promise<void> {
  const hashes = new Set(photos.map(({ key }) => hashOf(key)));
  await Promise.all([
    logForgetting(redis, hashes),
    ...photos.map((photo) => deleteFacesOf(redis, photo, person)),
  ]);
  await announceForgotten(redis, hashes);
}

/** @throws {Error} another program changes the photo all the time */
async function deleteFacesOf(redis: Redis, { key, record }: StoredPhoto, person: Person): Promise<void> {
  let before: Buffer | null = record;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const photo = before && decodePhoto(before, sizeOf(person.probes));
    if (before === null || photo === null) return;
    const after = withoutPeople(photo, [person]);
    if (after === photo) return;
    if ((await redis.eval(REPLACE, 1, key, before, encodePhoto(after))) === 1) return;
    before = await redis.getBuffer(key);
  }
  throw new Error(`Cannot delete faces of ${key}: it changes all the time.`);
}

async function hashesWithin(redis: Redis, stage: string | null): Promise<ReadonlySet<string>> {
  const hashes = new Set<string>();
  if (stage === null) return hashes;
  for await (const { folder, hash } of scanFiles(redis)) {
    if (hash !== null && isWithin(folder, stage)) hashes.add(hash);
  }
  return hashes;
}

async function pathsOf(redis: Redis, wanted: ReadonlyMap<string, unknown>): Promise<Map<string, string[]>> {
  const paths = new Map<string, string[]>();
  if (wanted.size === 0) return paths;
  for await (const { folder, name, hash } of scanFiles(redis)) {
    if (hash === null || !wanted.has(hash)) continue;
    paths.set(hash, [...(paths.get(hash) ?? []), `${folder}/${name}`].toSorted());
  }
  return paths;
}
