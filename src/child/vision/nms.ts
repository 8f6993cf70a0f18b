import type { Box } from '../../shared/face.js';

/**
 * Greedy non-maximum suppression: keeps the best detection, drops those that overlap it, and repeats.
 *
 * @param iouThreshold intersection over union (0..1) above which two boxes count as the same face
 * @returns the kept detections, best first
 */
export function suppressNonMaxima<T extends { readonly box: Box; readonly score: number }>(
  detections: readonly T[],
  iouThreshold: number,
): T[] {
  const kept: T[] = [];
  for (const candidate of detections.toSorted((a, b) => b.score - a.score)) {
    if (kept.every((better) => intersectionOverUnion(better.box, candidate.box) <= iouThreshold))
      kept.push(candidate);
  }
  return kept;
}

/** 0 for boxes that do not touch, 1 for the same box. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (width <= 0 || height <= 0) return 0;
  const intersection = width * height;
  return intersection / (a.width * a.height + b.width * b.height - intersection);
}
