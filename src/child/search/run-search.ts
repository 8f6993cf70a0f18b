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
  /** Takes one line for the job's log: about the selfie, or about an error. */
  readonly log: (line: string) => void;
}

export interface SearchOutcome {
  readonly result: SearchResult;
  readonly probe: SelfieProbe;
  /** Photos of the gallery that are not indexed yet, so that the result may lack some. */
  readonly unindexed: readonly IndexBatch[];
  /** The share (0..1) of the gallery's photos that were searched. */
  readonly known: number;
  /** For the job's log, unless the search waits and runs again. */
  readonly galleryLines: readonly string[];
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
  const searched = await searchGallery(job, probe.embedding, minCosine, context);
  const { matches, expandedBy, unindexed, known, photos, faces } = searched;
  const galleryLines: string[] = [];
  if (expandedBy > 0 && unindexed.length === 0) {
    const noun = expandedBy === 1 ? 'match' : 'matches';
    galleryLines.push(`Searched again with the selfie and ${expandedBy} confident ${noun}`);
  }
  const ranked = rankMatches(matches, {
    calibration: engine.calibration,
    threshold,
    limit: job.limit ?? settings.limit,
    boxes: job.boxes,
  });
  if (ranked.length === 0 && probe.hint !== null)
    galleryLines.push(`No match, and the selfie is poor: ${probe.hint}`);
  // The longest part comes last, because a long log is cut.
  galleryLines.push(...searched.lines);
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
    galleryLines,
    selfieS: (embeddedMs - startedMs) / 1000,
    galleryS: (performance.now() - embeddedMs) / 1000,
  };
}

interface SearchedPhotos extends Pick<SearchOutcome, 'unindexed' | 'known'> {
  readonly matches: readonly GalleryMatch[];
  readonly expandedBy: number;
  readonly photos: number;
  readonly faces: number;
  /** For the job's log. */
  readonly lines: readonly string[];
}

async function searchGallery(
  { gallery, expand, limit: ownLimit }: SearchJob,
  probe: Float32Array,
  minCosine: number,
  context: SearchContext,
): Promise<SearchedPhotos> {
  const { engine, findFaces, galleries, settings, gallerySettings, signal, reportProgress } = context;
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
      });
      return { ...searched, known: 1, lines: skippedLines(searched.skipped, photos.length) };
    }
    case 'folder': {
      if (galleries === null) throw noGalleryDirectory();
      const found = await galleries.search({ stage: gallery.stage, probe, minCosine, limit, expansion });
      const unknown = found.batches.reduce((sum, { files }) => sum + files.length, 0);
      return {
        ...found,
        photos: found.photos - found.skipped.length,
        unindexed: found.batches,
        known: found.photos / Math.max(1, found.photos + unknown),
        lines: [
          ...found.notes,
          ...keptOutLines(found.belowQuality),
          ...skippedLines(found.skipped, found.photos),
        ],
      };
    }
  }
}

function skippedLines(skipped: readonly string[], photos: number): readonly string[] {
  return skipped.length === 0 ? [] : [`Skipped ${skipped.length} of ${photos} photos`, ...skipped];
}

function keptOutLines(faces: number): readonly string[] {
  return faces === 0 ? [] : [`Left out ${faces} faces that are too small, blurred or turned away`];
}
