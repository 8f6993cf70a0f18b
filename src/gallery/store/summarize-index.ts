import type { Redis } from 'ioredis';
import { filesKey, photoKey } from '../../shared/redis-keys.js';
import { contentOf } from './file-table.js';
import { decodePhoto, PHOTO_HEAD_BYTES, readPhotoHead } from './photo-record.js';

/** Files that are read from Redis together. */
const FILES_AT_A_TIME = 500;
/** Broken photos that are named; the others are counted. */
const MAX_NAMED = 100;

export interface UnusablePhoto {
  /** Below `GALLERY_DIR`. */
  readonly path: string;
  /** For a person. */
  readonly reason: string;
}

/** What the index holds of some folders, for one model pack. */
export interface IndexSummary {
  /** Photos that are indexed, with and without faces. */
  readonly photos: number;
  readonly faces: number;
  readonly withoutFaces: number;
  /** Photos that cannot be decoded or read. */
  readonly broken: number;
  /** The first of them. */
  readonly brokenPhotos: readonly UnusablePhoto[];
  /** Memory of Redis for the faces. A photo with several copies counts once. */
  readonly bytes: number;
}

/** Reads the heads of all records of the folders: some 10,000 photos a second. */
export async function summarizeIndex(
  redis: Redis,
  packKey: string,
  folders: readonly string[],
): Promise<IndexSummary> {
  const sum = { photos: 0, faces: 0, withoutFaces: 0, broken: 0, bytes: 0 };
  const brokenPhotos: UnusablePhoto[] = [];
  const seen = new Set<string>();

  const addBroken = (path: string, reason: string): void => {
    sum.broken += 1;
    if (brokenPhotos.length < MAX_NAMED) brokenPhotos.push({ path, reason });
  };
  const addPhoto = async (path: string, hash: string): Promise<void> => {
    const key = photoKey(packKey, hash);
    const isCopy = seen.has(hash);
    seen.add(hash);
    const [head, bytes] = await Promise.all([
      redis.getrangeBuffer(key, 0, PHOTO_HEAD_BYTES - 1),
      isCopy ? 0 : redis.memory('USAGE', key),
    ]);
    sum.bytes += bytes ?? 0;
    const found = readPhotoHead(head);
    if (found === null) return;
    if (found === 'broken') {
      const whole = await redis.getBuffer(key);
      const record = whole === null ? null : decodePhoto(whole, 0);
      addBroken(path, record?.kind === 'broken' ? record.message : 'It cannot be decoded.');
      return;
    }
    sum.photos += 1;
    sum.faces += found;
    if (found === 0) sum.withoutFaces += 1;
  };

  for (const folder of folders) {
    let cursor = '0';
    do {
      const [next, fields] = await redis.hscan(filesKey(folder), cursor, 'COUNT', FILES_AT_A_TIME);
      cursor = next;
      await Promise.all(
        pairsOf(fields).map(async ([name, value]) => {
          const content = contentOf(value);
          if (content.kind === 'content') await addPhoto(`${folder}/${name}`, content.hash);
          else addBroken(`${folder}/${name}`, content.message);
        }),
      );
    } while (cursor !== '0');
  }
  return { ...sum, brokenPhotos };
}

function pairsOf(fields: readonly string[]): (readonly [name: string, value: string])[] {
  return fields.flatMap((name, i) => (i % 2 === 0 ? [[name, fields[i + 1] ?? ''] as const] : []));
}
