import type { Config } from '../../shared/config.js';
import { GalleryUnavailableError, JobError } from '../../shared/errors.js';
import type { IndexBatch } from '../../shared/index-batch.js';
import { isWithin } from '../source/stage-path.js';
import type { StageGallery } from './stage-gallery.js';

/** Unusable photos that a message names. */
const MAX_NAMED = 3;

/** Keeps people out of all results whose photos are in the excluded stage. */
export interface Exclusion {
  /** Whether photos of a folder may be part of a stage's gallery. Those of excluded people are not. */
  admits(stage: string, folder: string): boolean;
  /** An error of the excluded stage as the machine's fault, because then no search can be answered. */
  asUnavailable(error: unknown): unknown;
  /**
   * @param gallery of the excluded stage, `null` if there is none
   * @throws {GalleryUnavailableError} it is unknown whom to exclude
   */
  peopleIn(gallery: StageGallery | null): ExcludedPeople;
}

/** Valid as long as the gallery. */
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
  /** Takes a line for the worker's log. */
  readonly warn: (line: string) => void;
}

export function createExclusion({ settings, minCosine, warn }: ExclusionOptions): Exclusion {
  const { excludedStage, excludedUnusable } = settings;
  let lastWarning = '';

  return {
    admits: (stage, folder) =>
      excludedStage === null || isWithin(stage, excludedStage) || !isWithin(folder, excludedStage),
    asUnavailable: (error) => {
      if (!(error instanceof JobError)) return error;
      return new GalleryUnavailableError(
        error.code === 'GALLERY_TOO_LARGE'
          ? `EXCLUDED_STAGE "${excludedStage}" does not fit into GALLERY_MEMORY_MB`
          : `EXCLUDED_STAGE "${excludedStage}" is not a folder below GALLERY_DIR`,
      );
    },
    peopleIn: (gallery) => {
      if (gallery === null) return { has: () => false, batches: [], isIncomplete: false };
      const problem = describeUnusable(gallery.unusable());
      if (problem !== null && excludedUnusable === 'stall') {
        throw new GalleryUnavailableError(
          `${problem} Replace or remove them, or set EXCLUDED_UNUSABLE=ignore.`,
        );
      }
      if (problem !== null && problem !== lastWarning) warn(problem);
      lastWarning = problem ?? '';
      const { batches } = gallery.describe();
      return {
        has: (embedding) => gallery.hasFace(embedding, minCosine),
        batches,
        isIncomplete: batches.length > 0 && excludedUnusable === 'stall',
      };
    },
  };
}

function describeUnusable(lines: readonly string[]): string | null {
  if (lines.length === 0) return null;
  const named = lines.slice(0, MAX_NAMED).join('; ');
  const more = lines.length > MAX_NAMED ? `; and ${lines.length - MAX_NAMED} more` : '';
  return `EXCLUDED_STAGE has unusable photos, so the people in them cannot be excluded (${named}${more}).`;
}
