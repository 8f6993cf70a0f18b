import type { Redis } from 'ioredis';
import { publish } from '../../shared/redis-keyspace.js';
import { FORGOTTEN_CHANNEL, FORGOTTEN_LOG_KEY } from '../../shared/redis-keys.js';

const MAX_ENTRIES = 1000;
/** Contents in one entry. */
const HASHES_PER_ENTRY = 5000;
/** Forgetting more at once makes every cache drop all of its galleries, because the log is short. */
const MAX_HASHES = 100 * HASHES_PER_ENTRY;
const NO_ENTRY = '0-0';

/** What was forgotten at once. */
export type Forgetting =
  | { readonly kind: 'all' }
  /** Content hashes of the photos whose faces were deleted. */
  | { readonly kind: 'contents'; readonly hashes: ReadonlySet<string> };

/**
 * Adds to the log that tells running workers what they have to drop from memory.
 *
 * @param hashes content hashes, at least one; `null` for all photos
 */
export async function logForgetting(redis: Redis, hashes: ReadonlySet<string> | null): Promise<void> {
  const all = hashes === null || hashes.size > MAX_HASHES ? [] : [...hashes];
  for (let start = 0; start === 0 || start < all.length; start += HASHES_PER_ENTRY) {
    const text = all.slice(start, start + HASHES_PER_ENTRY).join(' ');
    await redis.xadd(FORGOTTEN_LOG_KEY, 'MAXLEN', MAX_ENTRIES, '*', 'hashes', text);
  }
}

/** Makes all running workers drop the faces of photos from memory, and read them again. */
export async function announceForgotten(redis: Redis, hashes: ReadonlySet<string>): Promise<void> {
  await logForgetting(redis, hashes);
  await publish(redis, FORGOTTEN_CHANNEL, '');
}

export interface ForgottenLog {
  /** What was forgotten since the last call. The first call only finds the end of the log. */
  readNew(): Promise<Forgetting[]>;
}

/** A reader of the log. Unlike with messages, nothing is missed while Redis is unreachable. */
export function createForgottenLog(redis: Redis): ForgottenLog {
  let lastId: string | null = null;

  return {
    readNew: async () => {
      const [newest] = await redis.xrevrange(FORGOTTEN_LOG_KEY, '+', '-', 'COUNT', 1);
      const [oldest] = await redis.xrange(FORGOTTEN_LOG_KEY, '-', '+', 'COUNT', 1);
      const before = lastId;
      lastId = newest?.[0] ?? NO_ENTRY;
      if (before === null || before === lastId) return [];
      // The log was trimmed or lost in between, so we may have missed an entry.
      if (oldest === undefined || (before !== NO_ENTRY && isLater(oldest[0], before)))
        return [{ kind: 'all' }];
      const entries = await redis.xrange(FORGOTTEN_LOG_KEY, `(${before}`, lastId);
      return entries.map(([, [, text = '']]) =>
        text === '' ? { kind: 'all' } : { kind: 'contents', hashes: new Set(text.split(' ')) },
      );
    },
  };
}

/** Ids are `milliseconds-sequence`. */
function isLater(id: string, than: string): boolean {
  const [ms = 0, sequence = 0] = id.split('-').map(Number);
  const [thanMs = 0, thanSequence = 0] = than.split('-').map(Number);
  return ms > thanMs || (ms === thanMs && sequence > thanSequence);
}
