import type { IndexBatch } from '../../shared/index-batch.js';
import type { PhotoSource } from '../source/photo-source.js';
import type { Gallery } from './gallery.js';

/** A scan stays fresh for this long ... */
const FRESH_MS = 1000;
/** ... or for this many times its own duration, so that scans take 5 % of the time at most on a slow file system. */
const FRESH_DURATIONS = 20;

/** A gallery after a scan of its folder. */
export interface ScannedGallery {
  readonly photos: number;
  readonly faces: number;
  /** Faces below the quality limits. A search does not find them. */
  readonly belowQuality: number;
  /** One line for each photo or folder that cannot be used. */
  readonly skipped: readonly string[];
  /** The lines of `skipped` about files and folders that are not read at all. */
  readonly unreadable: readonly string[];
  /** Photos that are not indexed yet. */
  readonly batches: readonly IndexBatch[];
}

/**
 * Brings a gallery up to date with its folder, unless the last scan is still fresh. Concurrent callers share one scan.
 *
 * @throws {JobError} `GALLERY_NOT_FOUND`
 */
export interface Refresh {
  (): Promise<ScannedGallery>;
  /** Makes the next call scan again. */
  expire(): void;
}

export interface RefreshOptions {
  readonly stage: string;
  readonly gallery: Gallery;
  readonly source: PhotoSource;
  /** Whether photos of this folder are part of the gallery. */
  readonly belongs: (folder: string) => boolean;
  readonly now: () => number;
}

/**
 *   never ──▶ scanning ──▶ scanned ──stale──▶ scanning …
 */
type Scan =
  | { readonly kind: 'never' }
  | { readonly kind: 'scanning'; readonly scanned: Promise<ScannedGallery> }
  | { readonly kind: 'scanned'; readonly scanned: ScannedGallery; readonly freshUntilMs: number };

export function createRefresh({ stage, gallery, source, belongs, now }: RefreshOptions): Refresh {
  let state: Scan = { kind: 'never' };
  let expirations = 0;

  const scan = async (): Promise<ScannedGallery> => {
    const startedMs = now();
    const before = expirations;
    try {
      const scanned = await update();
      // Other workers index the missing photos meanwhile.
      const freshMs =
        scanned.batches.length > 0 || before !== expirations
          ? 0
          : Math.max(FRESH_MS, FRESH_DURATIONS * (now() - startedMs));
      state = { kind: 'scanned', scanned, freshUntilMs: now() + freshMs };
      return scanned;
    } catch (error) {
      state = { kind: 'never' };
      throw error;
    }
  };

  const update = async (): Promise<ScannedGallery> => {
    const unreadable: string[] = [];
    const ignored: string[] = [];
    const listed = await source.list(stage, (line, isPhoto) => (isPhoto ? unreadable : ignored).push(line));
    const batches = await gallery.update(listed.filter(({ folder }) => belongs(folder)));
    const broken = gallery.broken().map(({ path, message }) => `Skipped photo ${path}: ${message}`);
    return {
      photos: gallery.photos(),
      faces: gallery.matrix.size,
      belowQuality: gallery.belowQuality(),
      skipped: [...unreadable, ...broken, ...ignored],
      unreadable,
      batches,
    };
  };

  const refresh = async (): Promise<ScannedGallery> => {
    if (state.kind === 'scanned' && now() < state.freshUntilMs) return state.scanned;
    if (state.kind !== 'scanning') state = { kind: 'scanning', scanned: scan() };
    return state.scanned;
  };
  return Object.assign(refresh, {
    expire: () => {
      expirations += 1;
      if (state.kind === 'scanned') state = { kind: 'never' };
    },
  });
}
