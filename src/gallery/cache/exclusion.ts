import type { FaceMatrix } from '../matrix/face-matrix.js';

/** Keeps people out of all results whose photos lie in the excluded stage. */
export interface Exclusion {
  /** Whether photos of a folder may be part of a stage's gallery: photos of excluded people are in no gallery but their own. */
  admits(stage: string, folder: string): boolean;
  /** @param excluded faces of the excluded stage */
  isExcluded(embedding: Float32Array, excluded: FaceMatrix): boolean;
}

/** @param minCosine a face is that of an excluded person from this cosine similarity on */
export function createExclusion(excludedStage: string | null, minCosine: number): Exclusion {
  return {
    admits: (stage, folder) =>
      excludedStage === null || isWithin(stage, excludedStage) || !isWithin(folder, excludedStage),
    isExcluded: (embedding, excluded) => excluded.search(embedding, minCosine).length > 0,
  };
}

function isWithin(folder: string, stage: string): boolean {
  return folder === stage || folder.startsWith(`${stage}/`);
}
