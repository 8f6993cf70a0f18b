import type { Job } from 'bullmq';
import type { IndexPlanner } from '../../gallery/batches/index-planner.js';
import { describeBad } from '../../gallery/store/bad-photos.js';
import { isWithin } from '../../gallery/source/stage-path.js';
import { GalleryUnavailableError, JobError } from '../../shared/errors.js';
import { type AwaitIndexDeps, awaitIndex, joinIndex } from '../indexing/await-index.js';
import { GALLERY_PERCENT, SELFIE_PERCENT } from '../jobs/job-progress.js';
import { idOf } from '../jobs/running-jobs.js';
import { runSearch, type SearchContext, type SearchOutcome } from './run-search.js';
import type { SavedProbes } from './saved-probe.js';

/**
 * A search waits for its index this often, then searches the indexed photos. It normally waits once, and more often only if
 * photos keep changing, or if indexing takes longer than a search may be delayed.
 */
const MAX_ROUNDS = 5;
/** Result for a gallery that is being indexed. The search runs again later, so the folder need not be listed now. */
const NOTHING_YET = {
  photos: 0,
  faces: 0,
  belowQuality: 0,
  skipped: [],
  notes: [],
  batches: [],
  matches: [],
  expandedBy: 0,
} as const;

export interface WaitingDeps {
  readonly planner: IndexPlanner;
  readonly index: AwaitIndexDeps;
  readonly probes: SavedProbes;
  /** Writes the log lines and the progress so far. */
  readonly settle: () => Promise<void>;
}

/**
 * Runs a search, or delays it if its stage must be indexed first. The second start uses the saved probe of the first one
 * and needs no selfie.
 *
 * @returns `null` for a delayed search
 */
export async function searchOrWait(
  job: Job,
  token: string,
  context: SearchContext,
  deps: WaitingDeps,
): Promise<SearchOutcome | null> {
  const { probes } = deps;
  const saved = job.attemptsStarted > 1 ? await probes.read(idOf(job)) : null;
  try {
    const outcome = await search(job, token, context, deps, saved);
    if (saved !== null && outcome !== null) await probes.remove(idOf(job));
    return outcome;
  } catch (error) {
    if (saved !== null && error instanceof JobError) await probes.remove(idOf(job));
    throw error;
  }
}

async function search(
  job: Job,
  token: string,
  context: SearchContext,
  { planner, index, probes, settle }: WaitingDeps,
  saved: Awaited<ReturnType<SavedProbes['read']>>,
): Promise<SearchOutcome | null> {
  const rounds = saved?.rounds ?? 0;
  let stage: string | null = null;
  let isBeingIndexed = false;
  const { galleries } = context;

  const outcome = await runSearch({
    ...context,
    ...(saved !== null && { savedProbe: saved.probe }),
    galleries: galleries && {
      search: async (query) => {
        ({ stage } = query);
        isBeingIndexed = rounds < MAX_ROUNDS && (await joinIndex(job, query.stage, index));
        return isBeingIndexed ? NOTHING_YET : galleries.search(query);
      },
      findExcluded: async (embeddings) => {
        const found = await galleries.findExcluded(embeddings);
        // A job with its own list of photos waits only for the photos of excluded people.
        if (found.batches.length > 0) stage = context.gallerySettings.excludedStage;
        return found;
      },
    },
  });
  const galleryLines = [...outcome.galleryLines];

  if (stage !== null) {
    const wait = async (): Promise<null> => {
      await probes.write(idOf(job), { probe: outcome.probe, rounds: rounds + 1 });
      context.reportProgress(SELFIE_PERCENT + outcome.known * (GALLERY_PERCENT - SELFIE_PERCENT));
      await settle();
      await awaitIndex(job, token, stage ?? '', index);
      return null;
    };
    if (isBeingIndexed) return wait();
    if (outcome.unindexed.length > 0) {
      const isLast = rounds >= MAX_ROUNDS;
      const started = isLast ? null : await planner.start(stage, outcome.unindexed, idOf(job));
      if (started !== null && started.photos > 0) return wait();
      for (const photo of started?.bad ?? []) galleryLines.push(describeBad(photo));
      if (isLast)
        galleryLines.push(`Searched without ${countPhotos(outcome)} photos that are not indexed yet`);
    }
  }
  checkExcluded(outcome, context.gallerySettings);
  for (const line of galleryLines) context.log(line);
  return outcome;
}

/** @throws {GalleryUnavailableError} if an excluded person might be among the matches */
function checkExcluded(
  { unindexed }: SearchOutcome,
  { excludedStage, excludedUnusable }: SearchContext['gallerySettings'],
): void {
  if (excludedStage === null || excludedUnusable === 'ignore') return;
  const missing = unindexed.find(({ folder }) => isWithin(folder, excludedStage));
  if (missing === undefined) return;
  throw new GalleryUnavailableError(
    `EXCLUDED_STAGE has a photo that cannot be indexed: ${missing.folder}/${missing.files[0]?.name}. Replace or remove it, or set EXCLUDED_UNUSABLE=ignore.`,
  );
}

function countPhotos({ unindexed }: SearchOutcome): number {
  return unindexed.reduce((sum, { files }) => sum + files.length, 0);
}
