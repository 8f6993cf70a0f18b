import type { SearchMatch } from '../../shared/job.js';
import type { GalleryMatch } from '../../gallery/cache/gallery-cache.js';
import { relativeBoxOf } from './describe-face.js';
import type { Calibration } from '../../shared/calibration.js';

export interface RankOptions {
  readonly calibration: Calibration;
  /** Score (0..1) that a match must reach. */
  readonly threshold: number;
  /** Longest result, 0 for all. */
  readonly limit: number;
  /** Whether a match has the box of the face. */
  readonly boxes: boolean;
}

/** The best face of each photo, from the highest score down, ties by id. */
export function rankMatches(
  matches: readonly GalleryMatch[],
  { calibration, threshold, limit, boxes }: RankOptions,
): SearchMatch[] {
  const best = new Map<string, GalleryMatch>();
  for (const match of matches) {
    if (match.cosine > (best.get(match.path)?.cosine ?? -Infinity)) best.set(match.path, match);
  }
  const ranked = Array.from(best.values(), (match) => ({ match, score: calibration.scoreOf(match.cosine) }))
    .filter(({ score }) => score >= threshold)
    .toSorted((a, b) => b.score - a.score || (a.match.path < b.match.path ? -1 : 1));
  return (limit === 0 ? ranked : ranked.slice(0, limit)).map(({ match, score }) => ({
    id: match.path,
    score,
    similarity: score,
    ...(boxes && { box: relativeBoxOf(match.box, match) }),
  }));
}
