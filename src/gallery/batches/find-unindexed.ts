import type { Redis } from 'ioredis';
import type { IndexBatch } from '../../shared/index-batch.js';
import { photoKey } from '../../shared/redis-keys.js';
import type { ListedFolder } from '../listing/list-photos.js';
import type { FileStamp, FileTable } from '../store/file-table.js';
import { planBatches } from './plan-batches.js';

const HASHES_PER_READ = 1000;

export interface KnownPhotos {
  readonly redis: Redis;
  readonly packKey: string;
  readonly files: FileTable;
}

/** The photos that a search would have indexed first, as the batches that it would add; no face is loaded. */
export async function findUnindexed(
  listed: readonly ListedFolder[],
  { redis, packKey, files }: KnownPhotos,
): Promise<IndexBatch[]> {
  const batches: IndexBatch[] = [];
  for (const { folder, files: stamps } of listed) {
    const contents = await files.read(folder, stamps);
    const hashes = contents.map((content) => (content?.kind === 'content' ? content.hash : null));
    const known = await findKnown(
      redis,
      packKey,
      hashes.filter((hash) => hash !== null),
    );
    const unknown = stamps.filter((_stamp: FileStamp, i) => {
      const hash = hashes[i] ?? null;
      return hash === null ? (contents[i] ?? null) === null : !known.has(hash);
    });
    batches.push(...planBatches(folder, unknown));
  }
  return batches;
}

async function findKnown(
  redis: Redis,
  packKey: string,
  hashes: readonly string[],
): Promise<ReadonlySet<string>> {
  const known = new Set<string>();
  for (let start = 0; start < hashes.length; start += HASHES_PER_READ) {
    const some = hashes.slice(start, start + HASHES_PER_READ);
    const pipeline = redis.pipeline();
    for (const hash of some) pipeline.exists(photoKey(packKey, hash));
    const replies = (await pipeline.exec()) ?? [];
    for (const [i, [error, exists]] of replies.entries()) {
      if (error !== null) throw error;
      if (exists === 1) known.add(some[i] ?? '');
    }
  }
  return known;
}
