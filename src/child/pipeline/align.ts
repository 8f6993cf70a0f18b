import type { Landmarks, Point } from '../inference/engine.js';
import type { RgbImage } from './pixels.js';

/** Side of the aligned crop. */
export const ALIGNED_SIZE_PX = 112;

/** Where the five landmarks lie in the crop (deepinsight/insightface, `python-package/insightface/utils/face_align.py`). */
const TEMPLATE: Landmarks = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];

/** More samples than this a pixel would only smooth what is smooth already. */
const MAX_SAMPLES_PER_SIDE = 4;

/** Turns, scales and moves: (x, y) becomes (a x - b y + tx, b x + a y + ty). */
export interface Similarity {
  readonly a: number;
  readonly b: number;
  readonly tx: number;
  readonly ty: number;
}

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
 * Cuts out a face so that its landmarks lie on the template. A face that is larger than the crop is averaged
 * over the pixels that fall together, a smaller one is interpolated bilinearly; beyond the image it is black.
 *
 * @returns `ALIGNED_SIZE_PX` x `ALIGNED_SIZE_PX`
 */
export function alignFace(image: RgbImage, landmarks: Landmarks): RgbImage {
  // From the crop to the image: that is where each of the crop's pixels comes from.
  const { a, b, tx, ty } = fitSimilarity(TEMPLATE, landmarks);
  const samples = Math.min(MAX_SAMPLES_PER_SIDE, Math.max(1, Math.round(Math.hypot(a, b))));
  const data = new Uint8Array(3 * ALIGNED_SIZE_PX * ALIGNED_SIZE_PX);
  const sum = new Float64Array(3);
  let target = 0;
  for (let y = 0; y < ALIGNED_SIZE_PX; y += 1) {
    for (let x = 0; x < ALIGNED_SIZE_PX; x += 1, target += 3) {
      sum.fill(0);
      for (let i = 0; i < samples * samples; i += 1) {
        const u = x + ((i % samples) + 0.5) / samples - 0.5;
        const v = y + (Math.floor(i / samples) + 0.5) / samples - 0.5;
        addBilinear(image, a * u - b * v + tx, b * u + a * v + ty, sum);
      }
      for (let channel = 0; channel < 3; channel += 1) {
        data[target + channel] = Math.round((sum[channel] ?? 0) / (samples * samples));
      }
    }
  }
  return { data, widthPx: ALIGNED_SIZE_PX, heightPx: ALIGNED_SIZE_PX };
}

/** Adds the image's colour at a point between its pixels to `sum` (RGB). */
function addBilinear({ data, widthPx, heightPx }: RgbImage, x: number, y: number, sum: Float64Array): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  for (let corner = 0; corner < 4; corner += 1) {
    const column = left + (corner & 1);
    const row = top + (corner >> 1);
    if (column < 0 || row < 0 || column >= widthPx || row >= heightPx) continue;
    const weight = (1 - Math.abs(x - column)) * (1 - Math.abs(y - row));
    const pixel = 3 * (row * widthPx + column);
    sum[0] = (sum[0] ?? 0) + weight * (data[pixel] ?? 0);
    sum[1] = (sum[1] ?? 0) + weight * (data[pixel + 1] ?? 0);
    sum[2] = (sum[2] ?? 0) + weight * (data[pixel + 2] ?? 0);
  }
}

function centroid(points: readonly Point[]): Point {
  const sum = points.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }));
  return { x: sum.x / points.length, y: sum.y / points.length };
}
