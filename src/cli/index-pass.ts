import type { IndexBatch } from '../shared/index-batch.js';
import type { StageIndexer } from './stage-indexer.js';
import { count, printable } from './terminal.js';

/** What one pass over a stage has done. The texts are for people. */
export interface IndexPass {
  readonly indexed: number;
  /** What the stage holds now. */
  readonly summary: string;
  /** Photos and folders that cannot be used, one line each. */
  readonly skipped: readonly string[];
  /** Photos that were queued and are not indexed, one line each. */
  readonly missing: readonly string[];
}

/** Has the new photos of a stage indexed. `onWork` is called first if there are some. */
export async function indexStage(
  { scan, index }: StageIndexer,
  stage: string,
  onWork: () => Promise<void>,
  signal?: AbortSignal,
): Promise<IndexPass> {
  const before = await scan(stage);
  const startedAt = performance.now();
  if (before.batches.length > 0) {
    await onWork();
    await index(stage, before.batches, signal);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  const after = before.batches.length > 0 ? await scan(stage) : before;

  const missing = pathsOf(after.batches);
  const indexed = Math.max(0, pathsOf(before.batches).length - missing.length);
  const rate = indexed === 0 ? '' : `, ${(indexed / seconds).toFixed(1)} photos/s`;
  return {
    indexed,
    summary: `${printable(stage)}: ${count(after.photos, 'photo')} with ${count(after.faces, 'face')} (${after.belowQuality} below the quality limits); ${indexed} indexed now${rate}`,
    skipped: [...after.notes, ...after.skipped].map(printable),
    missing: missing.map((photo) => `Not indexed: ${printable(photo)}`),
  };
}

function pathsOf(batches: readonly IndexBatch[]): string[] {
  return batches.flatMap(({ folder, files }) => files.map(({ name }) => `${folder}/${name}`));
}
