import type { Redis } from 'ioredis';
import { scanKeys } from '../../shared/redis-keyspace.js';
import { filesKey } from '../../shared/redis-keys.js';
import { contentOf } from './file-table.js';

/** Fields of a hash in one command. */
const FIELDS_PER_STEP = 1000;

/** A file of the index. */
export interface IndexedFile {
  /** Below `GALLERY_DIR`, with forward slashes. */
  readonly folder: string;
  readonly name: string;
  /** Hash of the content; `null` for a file that cannot be read. */
  readonly hash: string | null;
}

/** All files of the index, folder by folder. */
export async function* scanFiles(redis: Redis): AsyncGenerator<IndexedFile> {
  for await (const keys of scanKeys(redis, `${filesKey('')}*`)) {
    for (const key of keys) {
      const folder = key.slice(filesKey('').length);
      for await (const [name, value] of scanHash(redis, key)) {
        const content = contentOf(value);
        yield { folder, name, hash: content.kind === 'content' ? content.hash : null };
      }
    }
  }
}

/** All fields of a hash with their values. */
export async function* scanHash(
  redis: Redis,
  key: string,
): AsyncGenerator<readonly [field: string, value: string]> {
  let cursor = '0';
  do {
    const [next, entries] = await redis.hscan(key, cursor, 'COUNT', FIELDS_PER_STEP);
    for (let i = 0; i < entries.length; i += 2) yield [entries[i] ?? '', entries[i + 1] ?? ''];
    cursor = next;
  } while (cursor !== '0');
}
