import { type ExpansionRule, searchExpanded } from '../expand-probe.js';
import type { Config } from '../../shared/config.js';
import { JobError } from '../../shared/errors.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import type { PhotoSource } from '../source/photo-source.js';
import { isWithin } from '../source/stage-path.js';
import { NO_LIMITS } from '../face-quality.js';
import type { Forgetting } from '../store/forgotten-log.js';
import { createExclusion, type ExcludedPeople } from './exclusion.js';
import { createGalleryCheck } from './gallery-check.js';
import { createFolderCache } from './folder-cache.js';
import type { FolderStores } from './folder-faces.js';
import type { GalleryFace } from './loaded-photos.js';
import {
  createStageGallery,
  type FoundFace,
  type ScannedGallery,
  type StageGallery,
} from './stage-gallery.js';
import { createStageScans, type StageScan } from './stage-scans.js';

/**
 * A gallery that was too large is not loaded again for this long. The time doubles with each refusal, because a load that
 * fails may evict other galleries.
 */
const REFUSED_MS = { first: 60_000, max: 3_600_000 };

export interface GalleryQuery {
  readonly stage: string;
  /** L2-normalised float32 [embeddingSize]. */
  readonly probe: Float32Array;
  /** Cosine similarity (-1..1) that a match must reach. */
  readonly minCosine: number;
  /** At most so many matches, the best ones; 0 for all. */
  readonly limit: number;
  /** Without it there is no second pass. */
  readonly expansion?: ExpansionRule | null;
}

/** A photo that shows the person, by its most similar face. */
export interface GalleryMatch extends GalleryFace {
  /** -1..1 */
  readonly cosine: number;
}

export interface SearchedGallery extends ScannedGallery {
  /** One match a photo, among the indexed photos, from the best down. Excluded people are left out. */
  readonly matches: readonly GalleryMatch[];
  /** Matches that improved the probe for a second pass; 0 where there was none. */
  readonly expandedBy: number;
}

export interface ExcludedFaces {
  /** For each embedding, whether it is that of an excluded person. */
  readonly excluded: readonly boolean[];
  /** Photos of excluded people that are not indexed yet. The answer is final only without any. */
  readonly batches: readonly IndexBatch[];
}

/** The galleries of this machine. Their folders stay in memory after their first use. */
export interface GalleryCache {
  /** As a new scan shows it. @throws {JobError} `GALLERY_NOT_FOUND` */
  scan(stage: string): Promise<ScannedGallery>;
  /**
   * Uses the last scan of the stage, which is a few seconds old at most.
   *
   * @throws {JobError} `GALLERY_NOT_FOUND`
   * @throws {GalleryUnavailableError} this machine cannot read its photos, or cannot tell whom to exclude
   */
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /** @throws {GalleryUnavailableError} this machine cannot tell whom to exclude */
  findExcluded(embeddings: readonly Float32Array[]): Promise<ExcludedFaces>;
  /** Resolves with the reason why no search can run here, or `null`. Does not wait for Redis. */
  check(): Promise<string | null>;
  /** Drops deleted faces from memory. */
  invalidate(forgetting: Forgetting): void;
  /** Ends the scans in the background. */
  stop(): void;
}

export interface GalleryCacheOptions {
  readonly source: Pick<PhotoSource, 'list' | 'check' | 'listingIntervalMs'>;
  readonly stores: FolderStores;
  readonly embeddingSize: number;
  readonly settings: Config['gallery'];
  /** A face is that of an excluded person from this cosine similarity on. */
  readonly excludedMinCosine: number;
  /** Takes a line for the worker's log. */
  readonly warn: (line: string) => void;
  readonly now?: () => number;
  /** Whether to repeat the scans of stages in use. */
  readonly scansInBackground?: boolean;
}

interface OpenGallery {
  readonly gallery: StageGallery;
  readonly excluded: ExcludedPeople;
}

interface Refusal {
  readonly error: JobError;
  readonly untilMs: number;
  readonly waitMs: number;
}

export function createGalleryCache({
  source,
  stores,
  embeddingSize,
  settings,
  excludedMinCosine,
  warn,
  now = () => performance.now(),
  scansInBackground = true,
}: GalleryCacheOptions): GalleryCache {
  const { excludedStage } = settings;
  const exclusion = createExclusion({ settings, minCosine: excludedMinCosine, warn });
  const scans = createStageScans({ source, now, inBackground: scansInBackground });
  const folders = createFolderCache({
    stores,
    embeddingSize,
    // A small or blurred face must still exclude its owner.
    limitsOf: (folder) =>
      excludedStage !== null && isWithin(folder, excludedStage) ? NO_LIMITS : settings.quality,
    maxBytes: settings.memoryBytes,
    now,
  });
  /** By stage. */
  const refusals = new Map<string, Refusal>();

  const scanExcluded = async (): Promise<StageScan | null> => {
    if (excludedStage === null) return null;
    try {
      return await scans.last(excludedStage);
    } catch (error) {
      throw exclusion.asUnavailable(error);
    }
  };

  /** Calls `work` while the galleries of these scans are in memory. `work` must be synchronous. */
  const use = <T>(
    stage: string,
    scan: StageScan,
    excludedScan: StageScan | null,
    work: (opened: OpenGallery) => T,
  ): Promise<T> => {
    const own = scan.folders.filter((folder) => exclusion.admits(stage, folder));
    const all = [...new Set([...own, ...(excludedScan?.folders ?? [])])];
    const list = () => all.map((folder) => ({ folder, files: scans.filesIn(folder) }));
    return folders.use(list, (loaded) => {
      const view = (of: StageScan, names: readonly string[]): StageGallery =>
        createStageGallery(
          of,
          names.flatMap((folder) => {
            const faces = loaded.get(folder);
            return faces === undefined ? [] : [[folder, faces] as const];
          }),
        );
      const excluded = exclusion.peopleIn(excludedScan && view(excludedScan, excludedScan.folders));
      return work({ gallery: view(scan, own), excluded });
    });
  };

  const open = async <T>(stage: string, scan: StageScan, work: (opened: OpenGallery) => T): Promise<T> => {
    const refused = refusals.get(stage);
    if (refused !== undefined && now() < refused.untilMs) throw refused.error;
    try {
      const result = await use(stage, scan, await scanExcluded(), work);
      refusals.delete(stage);
      return result;
    } catch (error) {
      if (error instanceof JobError && error.code === 'GALLERY_TOO_LARGE') {
        const waitMs = Math.min(
          REFUSED_MS.max,
          refused === undefined ? REFUSED_MS.first : 2 * refused.waitMs,
        );
        refusals.set(stage, { error, waitMs, untilMs: now() + waitMs });
      }
      throw error;
    }
  };

  const openExcluded = async <T>(work: (excluded: ExcludedPeople) => T): Promise<T> => {
    const scan = await scanExcluded();
    if (scan === null || excludedStage === null) return work(exclusion.peopleIn(null));
    try {
      return await use(excludedStage, scan, scan, ({ excluded }) => work(excluded));
    } catch (error) {
      throw exclusion.asUnavailable(error);
    }
  };

  const { check, run } = createGalleryCheck(source, () => openExcluded(() => null));

  return {
    check,
    scan: async (given) => {
      const stage = withoutTrailingSlashes(given);
      return open(stage, await scans.renew(stage), ({ gallery, excluded }) => describe(gallery, excluded));
    },
    search: ({ stage: given, ...query }) =>
      run(async () => {
        const stage = withoutTrailingSlashes(given);
        return open(stage, await scans.last(stage), (opened) => searchGallery(opened, query));
      }),
    findExcluded: (embeddings) =>
      run(() =>
        openExcluded(({ has, batches, isIncomplete }) => ({
          excluded: embeddings.map((embedding) => isIncomplete || has(embedding)),
          batches,
        })),
      ),
    invalidate: folders.invalidate,
    stop: scans.stop,
  };
}

function describe(gallery: StageGallery, { batches }: ExcludedPeople): ScannedGallery {
  const described = gallery.describe();
  return { ...described, batches: [...batches, ...described.batches] };
}

function searchGallery(
  { gallery, excluded }: OpenGallery,
  { probe, minCosine, limit, expansion = null }: Omit<GalleryQuery, 'stage'>,
): SearchedGallery {
  const scanned = describe(gallery, excluded);
  // Show no match until all excluded people are known, and none to an excluded person.
  if (excluded.isIncomplete || excluded.has(probe)) return { ...scanned, matches: [], expandedBy: 0 };
  const found = searchExpanded(
    probe,
    minCosine,
    expansion,
    (embedding, atLeast) => gallery.search(embedding, atLeast, (face) => !excluded.has(face)),
    (face: FoundFace) => face.embedding(),
  );
  const best = found.matches.toSorted((a, b) => b.cosine - a.cosine);
  const kept = limit > 0 ? best.slice(0, limit) : best;
  const matches = kept.map(({ embedding: _embedding, ...match }) => match);
  return { ...scanned, matches, expandedBy: found.expandedBy };
}
