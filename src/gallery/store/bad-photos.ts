import type { Redis } from 'ioredis';
import { z } from 'zod';
import { BAD_PHOTOS_KEY } from '../../shared/redis-keys.js';
import { type FileStamp, isSameFile } from './file-table.js';

/** Wait before the next try of a photo: grows with each failure. */
const RETRY_AFTER_MS = [600_000, 3_600_000, 21_600_000, 86_400_000] as const;
/** Each entry takes a few hundred bytes. At this bound a new entry replaces any other one. */
const MAX_ENTRIES = 10_000;
/** Names in one command. */
const NAMES_PER_READ = 1000;
const MAX_REASON_CHARACTERS = 500;

const badPhoto = z.object({
  path: z.string(),
  sizeBytes: z.number(),
  changedMs: z.number(),
  etag: z.string().optional(),
  reason: z.string(),
  failures: z.int().min(1),
  lastFailedMs: z.number(),
  retryAtMs: z.number(),
});

/** A photo that could not be indexed by any worker that tried. Times are milliseconds since 1970. */
export type BadPhoto = Readonly<z.infer<typeof badPhoto>>;

/**
 * Photos that fail or kill the workers that index them. They are left out until `retryAtMs`, or until the file
 * changes. Photos that only cannot be decoded are not here: their record says so (`photo-record.ts`).
 */
export interface BadPhotos {
  /** @returns for each file its entry, or `null` if the file may be tried; in the same order */
  read(folder: string, files: readonly FileStamp[]): Promise<(BadPhoto | null)[]>;
  /** Records one more failure. */
  add(folder: string, file: FileStamp, reason: string): Promise<BadPhoto>;
  remove(folder: string, names: readonly string[]): Promise<void>;
  /** All entries, also those that may be tried again. */
  list(): Promise<BadPhoto[]>;
}

/** A line for the log of a search that left the photo out. */
export function describeBad({ path, failures, reason, retryAtMs }: BadPhoto): string {
  const times = failures === 1 ? 'once' : `${failures} times`;
  return `Skipped photo ${path}: indexing it failed ${times} (${reason}); next try after ${new Date(retryAtMs).toISOString()}`;
}

export function createBadPhotos(redis: Redis, now: () => number = Date.now): BadPhotos {
  const readAll = async (folder: string, files: readonly FileStamp[]): Promise<(BadPhoto | null)[]> => {
    if (files.length === 0) return [];
    const entries: (BadPhoto | null)[] = [];
    for (let start = 0; start < files.length; start += NAMES_PER_READ) {
      const some = files.slice(start, start + NAMES_PER_READ);
      const values = await redis.hmget(BAD_PHOTOS_KEY, ...some.map(({ name }) => `${folder}/${name}`));
      for (const [i, file] of some.entries()) {
        const entry = parse(values[i] ?? null);
        entries.push(entry !== null && isSameFile(entry, file) ? entry : null);
      }
    }
    return entries;
  };

  return {
    read: async (folder, files) =>
      (await readAll(folder, files)).map((entry) =>
        entry !== null && entry.retryAtMs > now() ? entry : null,
      ),
    add: async (folder, file, reason) => {
      const [before] = await readAll(folder, [file]);
      const failures = (before?.failures ?? 0) + 1;
      const waitMs = RETRY_AFTER_MS[Math.min(failures, RETRY_AFTER_MS.length) - 1] as number;
      const { sizeBytes, changedMs, etag } = file;
      const entry: BadPhoto = {
        path: `${folder}/${file.name}`,
        sizeBytes,
        changedMs,
        ...(etag !== undefined && { etag }),
        reason: reason.slice(0, MAX_REASON_CHARACTERS),
        failures,
        lastFailedMs: now(),
        retryAtMs: now() + waitMs,
      };
      if (before === null && (await redis.hlen(BAD_PHOTOS_KEY)) >= MAX_ENTRIES) {
        const other = (await redis.hrandfield(BAD_PHOTOS_KEY)) as string | null;
        if (other !== null) await redis.hdel(BAD_PHOTOS_KEY, other);
      }
      await redis.hset(BAD_PHOTOS_KEY, entry.path, JSON.stringify(entry));
      return entry;
    },
    remove: async (folder, names) => {
      if (names.length > 0) await redis.hdel(BAD_PHOTOS_KEY, ...names.map((name) => `${folder}/${name}`));
    },
    list: async () =>
      (await redis.hvals(BAD_PHOTOS_KEY)).flatMap((value) => {
        const entry = parse(value);
        return entry === null ? [] : [entry];
      }),
  };
}

/** @returns `null` for what this version did not write */
function parse(value: string | null): BadPhoto | null {
  if (value === null) return null;
  try {
    return badPhoto.safeParse(JSON.parse(value)).data ?? null;
  } catch {
    return null;
  }
}
