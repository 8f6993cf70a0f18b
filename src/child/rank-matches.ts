import type { SearchMatch } from '../shared/job.js';

/**
 * From the highest score down, ties by id.
 *
 * @param scores photo id -> score (0..1) of its best face
 * @param limit longest list, 0 for all
 */
export function rankMatches(scores: ReadonlyMap<string, number>, limit: number): SearchMatch[] {
  const ranked = Array.from(scores, ([id, score]) => ({ id, score })).toSorted(
    (a, b) => b.score - a.score || (a.id < b.id ? -1 : 1),
  );
  return limit === 0 ? ranked : ranked.slice(0, limit);
}
