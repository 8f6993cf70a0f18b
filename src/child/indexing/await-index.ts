import { ErrorCode, type Job, type Queue } from 'bullmq';
import type { IndexBatch, IndexedBatch } from '../../shared/index-batch.js';
import { idOf } from '../jobs/running-jobs.js';
import { INDEX_JOB_OPTIONS } from '../../gallery/batches/index-job-options.js';
import { batchId } from '../../gallery/batches/plan-batches.js';

/** How long a search waits before it looks again at photos that are another search's to have indexed. */
const ELSEWHERE_DELAY_MS = 500;
/** A gallery whose photos change all the time is searched as it is after so many rounds. */
const MAX_ROUNDS = 5;

export type IndexWait =
  /** The job is no longer this worker's: it comes back when the photos are known. */
  | { readonly kind: 'moved' }
  /** Nothing is left to wait for; these photos could not be indexed. */
  | { readonly kind: 'given-up'; readonly photos: readonly string[] };

/**
 * Has photos indexed by the whole fleet: adds the batches to the index queue as children of the search, which BullMQ
 * keeps aside until they have ended, so that no worker waits. A batch that another search has asked for
 * already stays that one's child; this search then looks again a little later.
 *
 * A batch that fails is split up into single photos, so that one that ends its worker takes no other with it.
 */
export async function awaitIndex(
  search: Job,
  token: string,
  unindexed: readonly IndexBatch[],
  indexQueue: Queue,
): Promise<IndexWait> {
  const history = await readHistory(search);
  const { toAdd, givenUp } = planRound(unindexed, history);
  if (toAdd.length === 0) return { kind: 'given-up', photos: givenUp };

  const added = await Promise.all(toAdd.map((batch) => addBatch(search, batch, history.round, indexQueue)));
  const isWaiting = added.some((own) => own) && (await search.moveToWaitingChildren(token));
  if (!isWaiting) await search.moveToDelayed(Date.now() + ELSEWHERE_DELAY_MS, token);
  return { kind: 'moved' };
}

interface History {
  /** 1 for the first time. */
  readonly round: number;
  readonly done: ReadonlySet<string>;
  readonly failed: ReadonlySet<string>;
}

/** Batches that are tried for the first time, in whole or split up; and the photos for which there is no more to try. */
function planRound(
  unindexed: readonly IndexBatch[],
  { round, done, failed }: History,
): { toAdd: IndexBatch[]; givenUp: string[] } {
  const toAdd: IndexBatch[] = [];
  const givenUp: string[] = [];

  const plan = (batch: IndexBatch): void => {
    const id = batchId(batch);
    const { folder, files } = batch;
    if (round <= MAX_ROUNDS && !done.has(id) && !failed.has(id)) toAdd.push(batch);
    else if (round <= MAX_ROUNDS && failed.has(id) && files.length > 1) {
      for (const file of files) plan({ folder, files: [file] });
    } else givenUp.push(...files.map(({ name }) => `${folder}/${name}`));
  };
  for (const batch of unindexed) plan(batch);
  return { toAdd, givenUp };
}

/** What has become of the batches that this search has waited for before. */
async function readHistory(search: Job): Promise<History> {
  if (search.attemptsStarted <= 1) return { round: 1, done: new Set(), failed: new Set() };
  const [values, failures] = await Promise.all([
    search.getChildrenValues<IndexedBatch>(),
    search.getIgnoredChildrenFailures(),
  ]);
  const rounds = Object.values(values).map(({ round }) => round);
  return {
    round: 1 + rounds.reduce((latest, round) => Math.max(latest, round), 0),
    done: new Set(Object.keys(values).map(idOfKey)),
    failed: new Set(Object.keys(failures).map(idOfKey)),
  };
}

/** @returns false where it is another search's child already */
async function addBatch(search: Job, batch: IndexBatch, round: number, indexQueue: Queue): Promise<boolean> {
  try {
    await indexQueue.add(
      'index',
      { ...batch, round },
      {
        ...INDEX_JOB_OPTIONS,
        jobId: batchId(batch),
        parent: { id: idOf(search), queue: search.queueQualifiedName },
        ignoreDependencyOnFailure: true,
      },
    );
    return true;
  } catch (error) {
    if (isOthersChild(error)) return false;
    throw error;
  }
}

function isOthersChild(error: unknown): boolean {
  return (error as { code?: unknown }).code === ErrorCode.ParentJobCannotBeReplaced;
}

/** `bull:face-index:index-…`: an id has no colon. */
function idOfKey(key: string): string {
  return key.slice(key.lastIndexOf(':') + 1);
}
