import { type ExpansionRule, searchExpanded } from '../expand-probe.js';
import type { Config } from '../../shared/config.js';
import { createExclusion } from './exclusion.js';
import { createGallery, type Gallery, type GalleryFace, type GalleryStores } from './gallery.js';
import { createRefresh, type Refresh, type ScannedGallery } from './refresh.js';

/** Each gallery reserves 4 GiB of addresses for its matrix to grow into: cheap, but not for hundreds. */
const MAX_GALLERIES = 32;
/** A gallery is loaded again after this long, because Redis may have dropped photos whose retention time is over. */
const RELOAD_MS = 86_400_000;

export interface GalleryQuery {
  readonly stage: string;
  /** L2-normalised float32 [embeddingSize]. */
  readonly probe: Float32Array;
  /** Cosine similarity (-1..1) that a match must reach. */
  readonly minCosine: number;
  /** Without it there is no second pass. */
  readonly expansion?: ExpansionRule | null;
}

/** A photo that shows the person, by its most similar face. */
export interface GalleryMatch extends GalleryFace {
  /** -1..1 */
  readonly cosine: number;
}

export interface SearchedGallery extends ScannedGallery {
  /** One match a photo, among the indexed photos, in no order. Excluded people are left out. */
  readonly matches: readonly GalleryMatch[];
  /** Matches that improved the probe for a second pass; 0 where there was none. */
  readonly expandedBy: number;
}

/** The galleries of this machine. Each stays in memory after its first use. */
export interface GalleryCache {
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  scan(stage: string): Promise<ScannedGallery>;
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /** Drops every gallery from memory. */
  invalidate(): void;
}

export interface GalleryCacheOptions {
  readonly stores: GalleryStores;
  readonly embeddingSize: number;
  readonly settings: Config['gallery'] & { readonly dir: string };
  /** A face is that of an excluded person from this cosine similarity on. */
  readonly excludedMinCosine: number;
  readonly now?: () => number;
}

interface OpenGallery {
  readonly gallery: Gallery;
  readonly isExcluded: (embedding: Float32Array) => boolean;
  readonly scanned: ScannedGallery;
}

interface CacheEntry {
  readonly gallery: Gallery;
  readonly loadedAtMs: number;
  readonly refresh: Refresh;
}

export function createGalleryCache({
  stores,
  embeddingSize,
  settings,
  excludedMinCosine,
  now = () => performance.now(),
}: GalleryCacheOptions): GalleryCache {
  /** By stage, in the order of their last use. */
  const entries = new Map<string, CacheEntry>();
  const exclusion = createExclusion(settings.excludedStage, excludedMinCosine);

  const takeEntry = (stage: string): CacheEntry => {
    const found = entries.get(stage);
    const entry = found !== undefined && now() - found.loadedAtMs < RELOAD_MS ? found : createEntry(stage);
    entries.delete(stage);
    entries.set(stage, entry);
    return entry;
  };

  const createEntry = (stage: string): CacheEntry => {
    const gallery = createGallery(stores, embeddingSize, settings.quality);
    const belongs = (folder: string): boolean => exclusion.admits(stage, folder);
    return {
      gallery,
      loadedAtMs: now(),
      refresh: createRefresh({ stage, gallery, galleryDir: settings.dir, belongs, now }),
    };
  };

  const load = async (stage: string): Promise<{ entry: CacheEntry; scanned: ScannedGallery }> => {
    const entry = takeEntry(stage);
    try {
      return { entry, scanned: await entry.refresh() };
    } catch (error) {
      entries.delete(stage);
      throw error;
    }
  };

  /** Drops the galleries that have not been used for the longest time. */
  const evict = (inUse: readonly CacheEntry[]): void => {
    let bytes = 0;
    for (const { gallery } of entries.values()) bytes += gallery.bytes();
    for (const [stage, entry] of entries) {
      if (bytes <= settings.memoryBytes && entries.size <= MAX_GALLERIES) return;
      if (inUse.includes(entry)) continue;
      entries.delete(stage);
      bytes -= entry.gallery.bytes();
    }
  };

  const open = async (stage: string): Promise<OpenGallery> => {
    const { entry, scanned } = await load(stage.replace(/\/+$/, ''));
    if (settings.excludedStage === null) {
      evict([entry]);
      return { gallery: entry.gallery, isExcluded: () => false, scanned };
    }
    const excluded = await load(settings.excludedStage);
    evict([entry, excluded.entry]);
    return {
      gallery: entry.gallery,
      isExcluded: (embedding) => exclusion.isExcluded(embedding, excluded.entry.gallery.matrix),
      scanned: { ...scanned, batches: [...excluded.scanned.batches, ...scanned.batches] },
    };
  };

  return {
    scan: async (stage) => (await open(stage)).scanned,
    search: async ({ stage, probe, minCosine, expansion = null }) => {
      const opened = await open(stage);
      const { gallery, isExcluded, scanned } = opened;
      if (isExcluded(probe)) return { ...scanned, matches: [], expandedBy: 0 };
      const found = searchExpanded(
        probe,
        minCosine,
        expansion,
        (embedding, atLeast) => matchPhotos(opened, embedding, atLeast),
        ({ row }) => gallery.matrix.read(row),
      );
      const matches = found.matches.map(({ row: _row, ...match }) => match);
      return { ...scanned, matches, expandedBy: found.expandedBy };
    },
    invalidate: () => entries.clear(),
  };
}

/** Each photo by its most similar face. */
function matchPhotos(
  { gallery, isExcluded }: OpenGallery,
  probe: Float32Array,
  minCosine: number,
): (GalleryMatch & { readonly row: number })[] {
  const best = new Map<string, GalleryMatch & { readonly row: number }>();
  for (const { row, cosine } of gallery.matrix.search(probe, minCosine)) {
    const { path, widthPx, heightPx, box } = gallery.face(row);
    if (cosine <= (best.get(path)?.cosine ?? -Infinity)) continue;
    if (isExcluded(gallery.matrix.read(row))) continue;
    best.set(path, { path, widthPx, heightPx, box, cosine, row });
  }
  return [...best.values()];
}
