import type { Config } from '../../shared/config.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { openGalleryDirectory } from '../listing/gallery-directory.js';
import { listPhotos } from '../listing/list-photos.js';
import { createGallery, type Gallery, type GalleryFace, type GalleryStores } from './gallery.js';

/** A look at a folder serves all searches for this long ... */
const FRESH_MS = 1000;
/** ... or for so many times as long as the look took: on a slow file system it takes 5 % of the time at most. */
const FRESH_LOOKS = 20;
/** Each reserves 4 GiB of addresses for its matrix to grow into: cheap, but not for hundreds. */
const MAX_GALLERIES = 32;
/** A gallery is loaded anew after this long: what has passed its retention time is gone from Redis by then. */
const RELOAD_MS = 86_400_000;

/** What is known of a gallery after a look at its folder. */
export interface OpenedGallery {
  readonly photos: number;
  readonly faces: number;
  /** Faces below the quality limits, which no search finds. */
  readonly keptOut: number;
  /** Photos that cannot be used, and folders: a line for each. */
  readonly skipped: readonly string[];
  /** Photos that nobody knows yet. */
  readonly batches: readonly IndexBatch[];
}

export interface GalleryQuery {
  readonly stage: string;
  /** L2-normalised float32 [embeddingSize]. */
  readonly probe: Float32Array;
  /** Cosine similarity (-1..1) that a match must reach. */
  readonly minCosine: number;
}

/** A photo that shows the person, by the face that is most like it. */
export interface GalleryMatch extends GalleryFace {
  /** -1..1 */
  readonly cosine: number;
}

export interface SearchedGallery extends OpenedGallery {
  /** Among the photos that are known; one match a photo, in no order. Excluded people are left out. */
  readonly matches: readonly GalleryMatch[];
}

/** The galleries of this machine, each in memory once it has been asked for. */
export interface Galleries {
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  open(stage: string): Promise<OpenedGallery>;
  /** @throws {JobError} `GALLERY_NOT_FOUND` */
  search(query: GalleryQuery): Promise<SearchedGallery>;
  /** Drops all that is in memory. */
  forget(): void;
}

export interface GalleriesOptions {
  readonly stores: GalleryStores;
  readonly embeddingSize: number;
  readonly settings: Config['gallery'] & { readonly dir: string };
  /** Cosine similarity from which on a face is taken for an excluded one. */
  readonly excludedMinCosine: number;
  readonly now?: () => number;
}

interface Shelf {
  readonly gallery: Gallery;
  readonly loadedAtMs: number;
  look: Look;
}

/**
 *   never ──▶ looking ──▶ looked ──stale──▶ looking …
 */
type Look =
  | { readonly kind: 'never' }
  | { readonly kind: 'looking'; readonly opened: Promise<OpenedGallery> }
  | { readonly kind: 'looked'; readonly opened: OpenedGallery; readonly freshUntilMs: number };

export function createGalleries({
  stores,
  embeddingSize,
  settings,
  excludedMinCosine,
  now = () => performance.now(),
}: GalleriesOptions): Galleries {
  /** By stage; the one that was used last is the last. */
  const shelves = new Map<string, Shelf>();

  const takeShelf = (stage: string): Shelf => {
    const found = shelves.get(stage);
    const shelf: Shelf =
      found !== undefined && now() - found.loadedAtMs < RELOAD_MS
        ? found
        : {
            gallery: createGallery(stores, embeddingSize, settings.quality),
            loadedAtMs: now(),
            look: { kind: 'never' },
          };
    shelves.delete(stage);
    shelves.set(stage, shelf);
    return shelf;
  };

  const openShelf = async (stage: string): Promise<{ shelf: Shelf; opened: OpenedGallery }> => {
    const shelf = takeShelf(stage);
    if (shelf.look.kind === 'looked' && now() < shelf.look.freshUntilMs) {
      return { shelf, opened: shelf.look.opened };
    }
    if (shelf.look.kind !== 'looking') {
      shelf.look = { kind: 'looking', opened: look(stage, shelf) };
    }
    return { shelf, opened: await shelf.look.opened };
  };

  const look = async (stage: string, shelf: Shelf): Promise<OpenedGallery> => {
    const startedMs = now();
    try {
      const opened = await update(stage, shelf.gallery);
      // Photos that nobody knows may be known when somebody asks again.
      const freshMs = opened.batches.length > 0 ? 0 : Math.max(FRESH_MS, FRESH_LOOKS * (now() - startedMs));
      shelf.look = { kind: 'looked', opened, freshUntilMs: now() + freshMs };
      return opened;
    } catch (error) {
      shelves.delete(stage);
      throw error;
    }
  };

  const update = async (stage: string, gallery: Gallery): Promise<OpenedGallery> => {
    const skipped: string[] = [];
    const directory = await openGalleryDirectory(settings.dir);
    const listed = await listPhotos(directory, stage, (line) => skipped.push(line));
    const batches = await gallery.update(listed.filter(({ folder }) => isPartOf(stage, folder)));
    for (const { path, message } of gallery.broken()) skipped.push(`Skipped photo ${path}: ${message}`);
    return {
      photos: gallery.photos(),
      faces: gallery.matrix.size,
      keptOut: gallery.keptOut(),
      skipped,
      batches,
    };
  };

  /** Photos of excluded people are nobody's gallery. */
  const isPartOf = (stage: string, folder: string): boolean =>
    settings.excludedStage === null ||
    isWithin(stage, settings.excludedStage) ||
    !isWithin(folder, settings.excludedStage);

  /** Drops what was used longest ago. */
  const makeRoom = (inUse: readonly Shelf[]): void => {
    let bytes = 0;
    for (const { gallery } of shelves.values()) bytes += gallery.bytes();
    for (const [stage, shelf] of shelves) {
      if (bytes <= settings.memoryBytes && shelves.size <= MAX_GALLERIES) return;
      if (inUse.includes(shelf)) continue;
      shelves.delete(stage);
      bytes -= shelf.gallery.bytes();
    }
  };

  const openBoth = async (stage: string) => {
    const { shelf, opened } = await openShelf(stage.replace(/\/+$/, ''));
    if (settings.excludedStage === null) {
      makeRoom([shelf]);
      return { gallery: shelf.gallery, excluded: null, opened };
    }
    const excluded = await openShelf(settings.excludedStage);
    makeRoom([shelf, excluded.shelf]);
    const batches = [...excluded.opened.batches, ...opened.batches];
    return { gallery: shelf.gallery, excluded: excluded.shelf.gallery, opened: { ...opened, batches } };
  };

  const isExcluded = (excluded: Gallery | null, embedding: Float32Array): boolean =>
    excluded !== null && excluded.matrix.search(embedding, excludedMinCosine).length > 0;

  return {
    open: async (stage) => (await openBoth(stage)).opened,
    search: async ({ stage, probe, minCosine }) => {
      const { gallery, excluded, opened } = await openBoth(stage);
      if (isExcluded(excluded, probe)) return { ...opened, matches: [] };
      const best = new Map<string, GalleryMatch>();
      for (const { row, cosine } of gallery.matrix.search(probe, minCosine)) {
        const { path, widthPx, heightPx, box } = gallery.face(row);
        if (cosine <= (best.get(path)?.cosine ?? -Infinity)) continue;
        if (isExcluded(excluded, gallery.matrix.read(row))) continue;
        best.set(path, { path, widthPx, heightPx, box, cosine });
      }
      return { ...opened, matches: [...best.values()] };
    },
    forget: () => shelves.clear(),
  };
}

function isWithin(folder: string, stage: string): boolean {
  return folder === stage || folder.startsWith(`${stage}/`);
}
