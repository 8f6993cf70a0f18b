import { GalleryUnavailableError, JobError } from '../../shared/errors.js';
import type { Config } from '../../shared/config.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import type { Gallery } from './gallery.js';
import type { ScannedGallery } from './refresh.js';

/** Unusable photos that a message names. */
const MAX_NAMED = 3;

/** Keeps people out of all results whose photos are in the excluded stage. */
export interface Exclusion {
  /** Whether photos of a folder may be part of a stage's gallery. Those of excluded people are not. */
  admits(stage: string, folder: string): boolean;
  /** @throws {GalleryUnavailableError} it is unknown whom to exclude */
  load(): Promise<ExcludedPeople>;
}

export interface ExcludedPeople {
  /** @param embedding of any length but 0: float32 [embeddingSize] */
  has(embedding: Float32Array): boolean;
  /** Photos of excluded people that are not indexed yet. No result is final before they are. */
  readonly batches: readonly IndexBatch[];
  /** Photos are missing, so that everybody counts as excluded. */
  readonly isIncomplete: boolean;
}

export interface ExclusionOptions {
  readonly settings: Pick<Config['gallery'], 'excludedStage' | 'excludedUnusable'>;
  /** A face is that of an excluded person from this cosine similarity on. */
  readonly minCosine: number;
  readonly loadGallery: (stage: string) => Promise<{ gallery: Gallery; scanned: ScannedGallery }>;
  /** Takes a line for the worker's log. */
  readonly warn: (line: string) => void;
}

export function createExclusion({ settings, minCosine, loadGallery, warn }: ExclusionOptions): Exclusion {
  const { excludedStage, excludedUnusable } = settings;
  let lastWarning = '';

  const load = async (stage: string): Promise<ExcludedPeople> => {
    const { gallery, scanned } = await loadGallery(stage).catch((error: unknown) => {
      if (!(error instanceof JobError)) throw error;
      throw new GalleryUnavailableError(`EXCLUDED_STAGE "${stage}" is not a folder below GALLERY_DIR`);
    });
    const problem = describeUnusable(gallery, scanned);
    if (problem !== null && excludedUnusable === 'stall') {
      throw new GalleryUnavailableError(
        `${problem} Replace or remove them, or set EXCLUDED_UNUSABLE=ignore.`,
      );
    }
    if (problem !== null && problem !== lastWarning) warn(problem);
    lastWarning = problem ?? '';
    return {
      has: (embedding) => gallery.matrix.search(embedding, minCosine).length > 0,
      batches: scanned.batches,
      isIncomplete: scanned.batches.length > 0 && excludedUnusable === 'stall',
    };
  };

  return {
    admits: (stage, folder) =>
      excludedStage === null || isWithin(stage, excludedStage) || !isWithin(folder, excludedStage),
    load: async () =>
      excludedStage === null ? { has: () => false, batches: [], isIncomplete: false } : load(excludedStage),
  };
}

function describeUnusable(gallery: Gallery, { unreadable }: ScannedGallery): string | null {
  const lines = [
    ...gallery.broken().map(({ path, message }) => `${path}: ${message}`),
    ...gallery.withoutFaces().map((path) => `${path}: no face was found`),
    ...unreadable,
  ];
  if (lines.length === 0) return null;
  const named = lines.slice(0, MAX_NAMED).join('; ');
  const more = lines.length > MAX_NAMED ? `; and ${lines.length - MAX_NAMED} more` : '';
  return `EXCLUDED_STAGE has unusable photos, so the people in them cannot be excluded (${named}${more}).`;
}

export function isWithin(folder: string, stage: string): boolean {
  return folder === stage || folder.startsWith(`${stage}/`);
}
