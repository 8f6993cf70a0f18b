import type { Redis } from 'ioredis';
import type { IndexBatch } from '../../shared/index-batch.js';
import { photoKey } from '../../shared/redis-keys.js';
import type { ListedFolder } from '../source/photo-source.js';
import type { FileStamp, FileTable } from '../store/file-table.js';
import { planBatches } from './plan-batches.js';

const HASHES_PER_READ = 1000;

export interface IndexStores {
  readonly redis: Redis;
  readonly packKey: string;
  readonly files: FileTable;
}

/** Finds the photos of a stage that are not indexed, without loading any face. */
export async function findUnindexed(
  listed: readonly ListedFolder[],
  { redis, packKey, files }: IndexStores,
): Promise<IndexBatch[]> {
  const batches: IndexBatch[] = [];
  for (const { folder, files: stamps } of listed) {
    const contents = await files.read(folder, stamps);
    const hashes = contents.map((content) => (content?.kind === 'content' ? content.hash : null));
    const indexed = await findIndexed(
      redis,
      packKey,
      hashes.filter((hash) => hash !== null),
    );
    const unindexed = stamps.filter((_stamp: FileStamp, i) => {
      const hash = hashes[i] ?? null;
      return hash === null ? (contents[i] ?? null) === null : !indexed.has(hash);
    });
    batches.push(...planBatches(folder, unindexed));
  }
  return batches;
}

async function findIndexed(
  redis: Redis,
  packKey: string,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const indexed = new Set<string>();
  for (let start = 0; start < hashes.length; start += HASHES_PER_READ) {
    const some = hashes.slice(start, start + HASHES_PER_READ);
    const exist = await Promise.all(some.map((hash) => redis.exists(photoKey(packKey, hash))));
    some.filter((_hash, i) => exist[i] === 1).forEach((hash) => indexed.add(hash));
  }
  return indexed;
}
