import { expansionRuleOf } from '../../gallery/expand-probe.js';
import type { Config } from '../../shared/config.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { JobError } from '../../shared/errors.js';
import { parseSearchJob, type SearchDetails, type SearchJob, type SearchResult } from '../../shared/job.js';
import { createSelfieProbe, type SelfieProbe } from './selfie-probe.js';
import { noGalleryDirectory, openListedPhotos } from './listed-photos.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import type { GalleryService } from '../gallery-thread/start-gallery-thread.js';
import type { Engine } from '../engine/engine.js';
import { GALLERY_PERCENT, SELFIE_PERCENT, STARTED_PERCENT } from '../jobs/job-progress.js';
import { rankMatches } from './rank-matches.js';
import { searchListedPhotos } from './search-listed-photos.js';
import type { FindFaces } from '../indexing/known-faces.js';
import type { PhotoSource } from '../../gallery/source/photo-source.js';

/** Skipped photos that the job's log names; it counts the rest. */
const MAX_SKIPPED_NAMED = 100;

/** The parts of its child that a search uses. */
export interface SearchTools {
  readonly engine: Engine;
  readonly findFaces: FindFaces;
  /** `null` on a machine without a gallery folder. */
  readonly galleries: Pick<GalleryService, 'search' | 'findExcluded'> | null;
  /** Where the photos that jobs name are read; `null` on a machine without a gallery folder. */
  readonly photos: PhotoSource | null;
  readonly settings: Config['jobs'];
  readonly gallerySettings: Config['gallery'];
  readonly maxImageBytes: number;
}

export interface SearchContext extends SearchTools {
  /** As the portal sent it. */
  readonly data: unknown;
  /** From an earlier run of the same job, so that its selfies need not be analyzed again. */
  readonly savedProbe?: SelfieProbe;
  readonly signal: AbortSignal;
  /** Takes 0..100. */
  readonly reportProgress: (percent: number) => void;
  /** Takes one line for the job's log. */
  readonly log: (line: string) => void;
}

export interface SearchOutcome {
  readonly result: SearchResult;
  readonly probe: SelfieProbe;
  /** Photos of the gallery that are not indexed yet, so that the result may lack some. */
  readonly unindexed: readonly IndexBatch[];
  /** The share (0..1) of the gallery's photos that were searched. */
  readonly known: number;
  /** Seconds until the selfie's face was embedded, and from then to the matches. */
  readonly selfieS: number;
  readonly galleryS: number;
}

/**
 * Finds the gallery photos that show the person of the selfie.
 *
 * @throws {JobError} if the job itself is at fault; the job's log says why
 * @throws the signal's reason once it has aborted
 */
export async function runSearch(context: SearchContext): Promise<SearchOutcome> {
  try {
    return await search(context);
  } catch (error) {
    if (error instanceof JobError) context.log(error.detail);
    throw error;
  }
}

async function search(context: SearchContext): Promise<SearchOutcome> {
  const { engine, settings, savedProbe, reportProgress } = context;
  const startedMs = performance.now();
  const job = parseSearchJob(context.data);
  reportProgress(STARTED_PERCENT);
  const probe = savedProbe ?? (await createSelfieProbe(job.selfies, context));
  reportProgress(SELFIE_PERCENT);
  const embeddedMs = performance.now();

  const threshold = job.threshold ?? settings.threshold;
  const minCosine = engine.calibration.cosineOf(threshold);
  const { matches, expandedBy, unindexed, known, photos, faces } = await searchGallery(
    job,
    probe.embedding,
    minCosine,
    context,
  );
  if (expandedBy > 0 && unindexed.length === 0) {
    const noun = expandedBy === 1 ? 'match' : 'matches';
    context.log(`Searched again with the selfie and ${expandedBy} confident ${noun}`);
  }
  const ranked = rankMatches(matches, {
    calibration: engine.calibration,
    threshold,
    limit: job.limit ?? settings.limit,
    boxes: job.boxes,
  });
  if (ranked.length === 0 && probe.hint !== null)
    context.log(`No match, and the selfie is poor: ${probe.hint}`);
  const details: SearchDetails = {
    selfies: probe.selfies,
    photos,
    faces,
    modelPack: engine.pack.key,
    threshold,
    expandedBy,
    hint: probe.hint,
  };
  return {
    result: job.details ? { matches: ranked, details } : ranked,
    probe,
    unindexed,
    known,
    selfieS: (embeddedMs - startedMs) / 1000,
    galleryS: (performance.now() - embeddedMs) / 1000,
  };
}

interface SearchedPhotos extends Pick<SearchOutcome, 'unindexed' | 'known'> {
  readonly matches: readonly GalleryMatch[];
  readonly expandedBy: number;
  readonly photos: number;
  readonly faces: number;
}

async function searchGallery(
  { gallery, expand, limit: ownLimit }: SearchJob,
  probe: Float32Array,
  minCosine: number,
  context: SearchContext,
): Promise<SearchedPhotos> {
  const { engine, findFaces, galleries, settings, gallerySettings, signal, reportProgress, log } = context;
  const limit = ownLimit ?? settings.limit;
  const expansion = expand ? expansionRuleOf(engine.calibration) : null;
  switch (gallery.kind) {
    case 'list': {
      const photos = openListedPhotos(gallery.entries, {
        photos: context.photos,
        maxGalleryImages: settings.maxGalleryImages,
        maxImageBytes: context.maxImageBytes,
      });
      const searched = await searchListedPhotos(photos, {
        findFaces,
        galleries,
        concurrency: engine.capacity,
        limits: gallerySettings.quality,
        probe,
        minCosine,
        expansion,
        signal,
        onDone: (share) => reportProgress(SELFIE_PERCENT + share * (GALLERY_PERCENT - SELFIE_PERCENT)),
        log,
      });
      return { ...searched, known: 1 };
    }
    case 'folder': {
      if (galleries === null) throw noGalleryDirectory();
      const found = await galleries.search({ stage: gallery.stage, probe, minCosine, limit, expansion });
      const unknown = found.batches.reduce((sum, { files }) => sum + files.length, 0);
      if (unknown === 0) noteSkipped(found.skipped, found.photos, found.belowQuality, log);
      return {
        ...found,
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
