import { ALIGNED_SIZE_PX, type Landmarks, type Point } from '../../shared/face.js';
import type { Copies, Similarity } from './pixels/copies.js';
import { cutOut } from './pixels/cut-out.js';
import type { RgbImage } from './pixels/rgb-image.js';

/** Positions of the five landmarks in the crop (deepinsight/insightface, `python-package/insightface/utils/face_align.py`). */
export const TEMPLATE: Landmarks = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];

/**
 * The similarity without reflection that maps `from` on `to` with the least squared error (Umeyama, "Least-squares
 * estimation of transformation parameters between two point patterns", 1991; in two dimensions it has this closed form).
 */
export function fitSimilarity(from: readonly Point[], to: readonly Point[]): Similarity {
  const source = centroid(from);
  const target = centroid(to);
  let dot = 0;
  let cross = 0;
  let spread = 0;
  for (const [i, point] of from.entries()) {
    const goal = to[i];
    if (goal === undefined) throw new Error('Cannot fit: the point lists differ in length');
    const [sx, sy, dx, dy] = [point.x - source.x, point.y - source.y, goal.x - target.x, goal.y - target.y];
    dot += sx * dx + sy * dy;
    cross += sx * dy - sy * dx;
    spread += sx * sx + sy * sy;
  }
  const a = dot / spread;
  const b = cross / spread;
  return { a, b, tx: target.x - a * source.x + b * source.y, ty: target.y - b * source.x - a * source.y };
}

/**
 * Cuts out a face so that its landmarks lie on the template.
 *
 * @returns `ALIGNED_SIZE_PX` x `ALIGNED_SIZE_PX`
 */
export function alignFace(copies: Copies, landmarks: Landmarks): RgbImage {
  return cutOut(copies, fitSimilarity(TEMPLATE, landmarks), ALIGNED_SIZE_PX);
}

function centroid(points: readonly Point[]): Point {
  const sum = points.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }));
  return { x: sum.x / points.length, y: sum.y / points.length };
}
