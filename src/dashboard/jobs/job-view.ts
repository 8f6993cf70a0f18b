import type { Queue } from 'bullmq';
import type { Redis } from 'ioredis';
import type { Match } from '../api/api.js';
import { isRecord, parseJson, textOf } from './untrusted.js';

/** Longer texts in a job's data are images, or too long for a page. */
const MAX_TEXT_CHARS = 200;
const MAX_DEPTH = 10;
const MAX_ENTRIES = 1000;

/** The parts of a job that can be large. Other programs write them, so that nothing is known of their form. */
export interface JobContent {
  readonly data: unknown;
  readonly result: unknown;
}

/** Reads the data and the result of a job. The id must name one: `readJobHead` tells. */
export async function readJobContent(redis: Redis, queue: Queue, id: string): Promise<JobContent> {
  const [data = null, result = null] = await redis.hmget(queue.toKey(id), 'data', 'returnvalue');
  return { data: parseJson(data ?? '') ?? null, result: parseJson(result ?? '') ?? null };
}

/** The result of a search that has completed, with the address of each photo; `null` where there is none. */
export function matchesOf(id: string, { data, result }: JobContent): Match[] | null {
  const list = listOf(result);
  if (list === null) return null;
  const pathOf = photoPaths(data);
  return list.flatMap((match, rank) => {
    const photo = isRecord(match) ? textOf(match['id']) : null;
    if (!isRecord(match) || photo === null) return [];
    const score = Number(match['score']);
    if (!Number.isFinite(score)) return [];
    return [
      {
        id: photo,
        score,
        similarity: score,
        box: boxOf(match['box']),
        photo: pathOf(photo) === null ? null : `/api/searches/${encodeURIComponent(id)}/photos/${rank}`,
      },
    ];
  });
}

/** The path below `GALLERY_DIR` of each match in a result, `null` where it cannot be shown. */
export function pathsOf({ data, result }: JobContent): (string | null)[] {
  const pathOf = photoPaths(data);
  return (listOf(result) ?? []).map((match) => {
    const id = isRecord(match) ? textOf(match['id']) : null;
    return id === null ? null : pathOf(id);
  });
}

/** With `details: true` in its data, a search returns `{ matches, details }`. */
function listOf(result: unknown): readonly unknown[] | null {
  const list = isRecord(result) ? result['matches'] : result;
  return Array.isArray(list) ? (list as readonly unknown[]) : null;
}

function boxOf(box: unknown): Match['box'] {
  if (!isRecord(box)) return null;
  const [x = NaN, y = NaN, width = NaN, height = NaN] = [box['x'], box['y'], box['width'], box['height']].map(
    Number,
  );
  return [x, y, width, height].every(Number.isFinite) ? { x, y, width, height } : null;
}

/**
 * Where a match's photo is. Without a list of photos in the job its id is the path. In a list, an entry may have brought
 * the photo itself; and if several entries share an id, the result does not say which of them matched.
 */
function photoPaths(data: unknown): (matchId: string) => string | null {
  const gallery = isRecord(data) ? data['gallery'] : undefined;
  if (!Array.isArray(gallery)) return (matchId) => matchId;
  const paths = new Map<string, string | null>();
  for (const entry of gallery as readonly unknown[]) {
    const id = isRecord(entry) ? textOf(entry['id']) : null;
    if (!isRecord(entry) || id === null) continue;
    const path = textOf(entry['path']);
    paths.set(id, paths.has(id) && paths.get(id) !== path ? null : path);
  }
  return (matchId) => paths.get(matchId) ?? null;
}

/** A job's data for a person: images are replaced by their size, long lists and deep nesting are cut. */
export function withoutImages(value: unknown, depth = 0): unknown {
  if (typeof value === 'string')
    return value.length <= MAX_TEXT_CHARS ? value : `(${Math.ceil(value.length / 1024)} kB, not shown)`;
  if (typeof value !== 'object' || value === null) return value;
  if (depth >= MAX_DEPTH) return '(nested too deeply to be shown)';
  if (Array.isArray(value)) {
    const shown = value.slice(0, MAX_ENTRIES).map((entry) => withoutImages(entry, depth + 1));
    return value.length > MAX_ENTRIES ? [...shown, `(and ${value.length - MAX_ENTRIES} more)`] : shown;
  }
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ENTRIES)
      .map(([key, entry]) => [
        key,
        // An image stays hidden however small it is.
        (key === 'image' || key === 'images') && entry !== null
          ? hidden(entry)
          : withoutImages(entry, depth + 1),
      ]),
  );
}

function hidden(images: unknown): unknown {
  if (Array.isArray(images))
    return images.slice(0, MAX_ENTRIES).map((image) => (Array.isArray(image) ? '(image)' : hidden(image)));
  return typeof images === 'string' ? `(image, ${Math.ceil((images.length * 3) / 4096)} kB)` : '(image)';
}
