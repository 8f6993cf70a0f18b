import { type ExpansionRule, searchExpanded } from '../expand-probe.js';
import type { Config } from '../../shared/config.js';
import { JobError } from '../../shared/errors.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import type { PhotoSource } from '../source/photo-source.js';
import { withoutTrailingSlashes } from '../../shared/trailing-slashes.js';
import { NO_LIMITS } from '../face-quality.js';
import type { Forgetting } from '../store/forgotten-log.js';
import { createExclusion, type ExcludedPeople, isWithin } from './exclusion.js';
import { createGalleryCheck } from './gallery-check.js';
import { createGallery, type Gallery, type GalleryFace, type GalleryStores } from './gallery.js';
import { createRefresh, type Refresh, type ScannedGallery } from './refresh.js';

/** Each gallery reserves 4 GiB of addresses for its matrix to grow into: cheap, but not for hundreds. */
const MAX_GALLERIES = 32;
/** A gallery is loaded again after this long, because Redis may have dropped photos whose retention time is over. */
const RELOAD_MS = 86_400_000;
/** A gallery that was too large is not loaded again for this long. */
const REFUSED_MS = 60_000;

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

/** The galleries of this machine. Each stays in memory after its first use. */
export interface GalleryCache {
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  scan(stage: string): Promise<ScannedGallery>;
  /**
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
}

export interface GalleryCacheOptions {
  readonly source: PhotoSource;
  readonly stores: GalleryStores;
  readonly embeddingSize: number;
  readonly settings: Config['gallery'];
  /** A face is that of an excluded person from this cosine similarity on. */
  readonly excludedMinCosine: number;
  /** Takes a line for the worker's log. */
  readonly warn: (line: string) => void;
  readonly now?: () => number;
}

interface OpenGallery {
  readonly gallery: Gallery;
  readonly excluded: ExcludedPeople;
  readonly scanned: ScannedGallery;
}

interface CacheEntry {
  readonly gallery: Gallery;
  readonly loadedAtMs: number;
  readonly refresh: Refresh;
}

export function createGalleryCache({
  source,
  stores,
  embeddingSize,
  settings,
  excludedMinCosine,
  warn,
  now = () => performance.now(),
}: GalleryCacheOptions): GalleryCache {
  /** By stage, in the order of their last use. */
  const entries = new Map<string, CacheEntry>();
  /** Galleries that were too large, so that not every search loads them in vain. */
  const refusals = new Map<string, { readonly error: JobError; readonly untilMs: number }>();

  const takeEntry = (stage: string): CacheEntry => {
    const found = entries.get(stage);
    const entry = found !== undefined && now() - found.loadedAtMs < RELOAD_MS ? found : createEntry(stage);
    entries.delete(stage);
    entries.set(stage, entry);
    return entry;
  };

  const createEntry = (stage: string): CacheEntry => {
    const isOfExcluded = settings.excludedStage !== null && isWithin(stage, settings.excludedStage);
    // A small or blurred face must still exclude its owner.
    const gallery = createGallery(stores, embeddingSize, {
      limits: isOfExcluded ? NO_LIMITS : settings.quality,
      maxBytes: settings.memoryBytes,
    });
    const belongs = (folder: string): boolean => exclusion.admits(stage, folder);
    return {
      gallery,
      loadedAtMs: now(),
      refresh: createRefresh({ stage, gallery, source, belongs, now }),
    };
  };

  const load = async (stage: string): Promise<{ entry: CacheEntry; scanned: ScannedGallery }> => {
    const refused = refusals.get(stage);
    if (refused !== undefined && now() < refused.untilMs) throw refused.error;
    refusals.delete(stage);
    const entry = takeEntry(stage);
    try {
      return { entry, scanned: await entry.refresh() };
    } catch (error) {
      if (entries.get(stage) === entry) entries.delete(stage);
      if (error instanceof JobError && error.code === 'GALLERY_TOO_LARGE') {
        refusals.set(stage, { error, untilMs: now() + REFUSED_MS });
      }
      throw error;
    }
  };

  /** Drops the galleries that have not been used for the longest time. */
  const evict = (inUse: readonly (CacheEntry | undefined)[]): void => {
    let bytes = 0;
    for (const { gallery } of entries.values()) bytes += gallery.bytes();
    for (const [stage, entry] of entries) {
      if (bytes <= settings.memoryBytes && entries.size <= MAX_GALLERIES) return;
      if (inUse.includes(entry)) continue;
      entries.delete(stage);
      bytes -= entry.gallery.bytes();
    }
  };

  const exclusion = createExclusion({
    settings,
    minCosine: excludedMinCosine,
    loadGallery: async (stage) => {
      const { entry, scanned } = await load(stage);
      return { gallery: entry.gallery, scanned };
    },
    warn,
  });

  const open = async (stage: string): Promise<OpenGallery> => {
    const { entry, scanned } = await load(withoutTrailingSlashes(stage));
    const excluded = await exclusion.load();
    evict([entry, entries.get(settings.excludedStage ?? '')]);
    return {
      gallery: entry.gallery,
      excluded,
      scanned: { ...scanned, batches: [...excluded.batches, ...scanned.batches] },
    };
  };

  const { check, run } = createGalleryCheck(source, () => exclusion.load());

  return {
    check,
    scan: async (stage) => (await open(stage)).scanned,
    search: ({ stage, probe, minCosine, limit, expansion = null }) =>
      run(async () => {
        const opened = await open(stage);
        const { gallery, excluded, scanned } = opened;
        // Show no match until all excluded people are known, and none to an excluded person.
        if (excluded.isIncomplete || excluded.has(probe)) return { ...scanned, matches: [], expandedBy: 0 };
        const found = searchExpanded(
          probe,
          minCosine,
          expansion,
          (embedding, atLeast) => matchPhotos(opened, embedding, atLeast),
          ({ row }) => gallery.matrix.read(row),
        );
        const best = found.matches.toSorted((a, b) => b.cosine - a.cosine);
        const kept = limit > 0 ? best.slice(0, limit) : best;
        const matches = kept.map(({ row: _row, ...match }) => match);
        return { ...scanned, matches, expandedBy: found.expandedBy };
      }),
    findExcluded: (embeddings) =>
      run(async () => {
        const { has, batches, isIncomplete } = await exclusion.load();
        return { excluded: embeddings.map((embedding) => isIncomplete || has(embedding)), batches };
      }),
    invalidate: (forgetting) => {
      if (forgetting.kind === 'all') {
        entries.clear();
        return;
      }
      for (const { gallery, refresh } of entries.values()) {
        gallery.drop(forgetting.hashes);
        refresh.expire();
      }
    },
  };
}

/** Each photo by its most similar face. */
function matchPhotos(
  { gallery, excluded }: OpenGallery,
  probe: Float32Array,
  minCosine: number,
): (GalleryMatch & { readonly row: number })[] {
  const best = new Map<string, GalleryMatch & { readonly row: number }>();
  for (const { row, cosine } of gallery.matrix.search(probe, minCosine)) {
    const { path, widthPx, heightPx, box } = gallery.face(row);
    if (cosine <= (best.get(path)?.cosine ?? -Infinity)) continue;
    if (excluded.has(gallery.matrix.read(row))) continue;
    best.set(path, { path, widthPx, heightPx, box, cosine, row });
  }
  return [...best.values()];
}
