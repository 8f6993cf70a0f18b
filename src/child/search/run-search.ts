import type { Config } from '../../shared/config.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { parseSearchJob, type SearchJob, type SearchMatch } from '../../shared/job.js';
import { createSelfieProbe } from './selfie-probe.js';
import { noGalleryDirectory, openListedPhotos } from './listed-photos.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import type { GalleryService } from '../gallery-thread/start-gallery-thread.js';
import type { Engine } from '../engine/engine.js';
import { GALLERY_PERCENT, SELFIE_PERCENT, STARTED_PERCENT } from '../jobs/progress-steps.js';
import { rankMatches } from './rank-matches.js';
import { searchListedPhotos } from './search-listed-photos.js';
import type { FindFaces } from '../indexing/known-faces.js';

/** Of the photos that are skipped, this many are named in the job's log. */
const MAX_SKIPPED_NAMED = 100;

/** What a search needs of its child. */
export interface SearchTools {
  readonly engine: Engine;
  readonly findFaces: FindFaces;
  /** `null` where this machine has no gallery folder. */
  readonly galleries: Pick<GalleryService, 'search'> | null;
  readonly settings: Config['jobs'];
  readonly gallerySettings: Config['gallery'];
}

export interface SearchContext extends SearchTools {
  /** As the portal sent it. */
  readonly data: unknown;
  readonly signal: AbortSignal;
  /** Takes 0..100. */
  readonly reportProgress: (percent: number) => void;
  /** Takes one line for the job's log. */
  readonly log: (line: string) => void;
}

export interface SearchOutcome {
  /** Best first. */
  readonly matches: readonly SearchMatch[];
  /** Photos of the gallery that nobody has looked at yet, so that `matches` may lack some. */
  readonly unindexed: readonly IndexBatch[];
  /** The share (0..1) of the gallery's photos that `matches` is about. */
  readonly known: number;
  /** Seconds until the selfie's face was embedded, and from then to the matches. */
  readonly selfieS: number;
  readonly galleryS: number;
}

/**
 * The gallery photos that show the person of the selfie.
 *
 * @throws {JobError} the job itself is at fault
 * @throws the signal's reason once it has aborted
 */
export async function runSearch(context: SearchContext): Promise<SearchOutcome> {
  const { engine, settings, reportProgress } = context;
  const startedMs = performance.now();
  const job = parseSearchJob(context.data);
  reportProgress(STARTED_PERCENT);
  const probe = await createSelfieProbe(job.selfies, context);
  reportProgress(SELFIE_PERCENT);
  const embeddedMs = performance.now();

  const threshold = job.threshold ?? settings.threshold;
  const minCosine = engine.calibration.cosineOf(threshold);
  const { matches, unindexed, known } = await searchGallery(job, probe, minCosine, context);
  const ranked = rankMatches(matches, {
    calibration: engine.calibration,
    threshold,
    limit: job.limit ?? settings.limit,
    boxes: job.boxes,
  });
  const galleryS = (performance.now() - embeddedMs) / 1000;
  return { matches: ranked, unindexed, known, selfieS: (embeddedMs - startedMs) / 1000, galleryS };
}

interface FoundInGallery extends Pick<SearchOutcome, 'unindexed' | 'known'> {
  readonly matches: readonly GalleryMatch[];
}

async function searchGallery(
  { gallery }: SearchJob,
  probe: Float32Array,
  minCosine: number,
  context: SearchContext,
): Promise<FoundInGallery> {
  const { engine, findFaces, galleries, settings, gallerySettings, signal, reportProgress, log } = context;
  switch (gallery.kind) {
    case 'list': {
      const photos = await openListedPhotos(gallery.entries, {
        galleryDir: gallerySettings.dir,
        maxGalleryImages: settings.maxGalleryImages,
      });
      const matches = await searchListedPhotos(photos, {
        findFaces,
        concurrency: engine.capacity,
        limits: gallerySettings.quality,
        probe,
        minCosine,
        signal,
        onDone: (share) => reportProgress(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT)),
        log,
      });
      return { matches, unindexed: [], known: 1 };
    }
    case 'folder': {
      if (galleries === null) throw noGalleryDirectory();
      const found = await galleries.search({ stage: gallery.stage, probe, minCosine });
      const unknown = found.batches.reduce((sum, { files }) => sum + files.length, 0);
      if (unknown === 0) noteSkipped(found.skipped, found.photos, found.belowQuality, log);
      return {
        matches: found.matches,
        unindexed: found.batches,
        known: found.photos / Math.max(1, found.photos + unknown),
      };
    }
  }
}

function noteSkipped(
  skipped: readonly string[],
  photos: number,
  keptOut: number,
  log: (line: string) => void,
): void {
  for (const line of skipped.slice(0, MAX_SKIPPED_NAMED)) log(line);
  if (skipped.length > 0) log(`Skipped ${skipped.length} of ${photos} photos`);
  if (keptOut > 0) log(`Left out ${keptOut} faces that are too small, blurred or turned away`);
}
