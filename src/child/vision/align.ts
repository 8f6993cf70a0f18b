import type { Landmarks, Point } from '../../shared/face.js';
import { ALIGNED_SIZE_PX } from '../../shared/model-pack.js';
import type { Copies } from './copies.js';
import type { RgbImage } from './pixels.js';

/** Positions of the five landmarks in the crop (deepinsight/insightface, `python-package/insightface/utils/face_align.py`). */
export const TEMPLATE: Landmarks = [
  { x: 38.2946, y: 51.6963 },
  { x: 73.5318, y: 51.5014 },
  { x: 56.0252, y: 71.7366 },
  { x: 41.5493, y: 92.3655 },
  { x: 70.7299, y: 92.2041 },
];

/** More samples per pixel do not improve the result. */
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
 * Cuts out a face so that its landmarks lie on the template.
 *
 * @returns `ALIGNED_SIZE_PX` x `ALIGNED_SIZE_PX`
 */
export function alignFace(copies: Copies, landmarks: Landmarks): RgbImage {
  return cutOut(copies, fitSimilarity(TEMPLATE, landmarks), ALIGNED_SIZE_PX);
}

/**
 * Cuts a square out of an image, black beyond its edges. Averages source pixels when it shrinks, and interpolates
 * bilinearly otherwise. The similarity maps the square to the image.
 *
 * @returns `sizePx` x `sizePx`
 */
export function cutOut(copies: Copies, similarity: Similarity, sizePx: number): RgbImage {
  const { copy: image, toCopy } = copies.best(similarity);
  const { a, b, tx, ty } = toCopy;
  const perSide = Math.min(MAX_SAMPLES_PER_SIDE, Math.max(1, Math.round(Math.hypot(a, b))));
  const samples = perSide * perSide;
  const offsets = Array.from({ length: samples }, (_, i) => {
    const u = ((i % perSide) + 0.5) / perSide - 0.5;
    const v = (Math.floor(i / perSide) + 0.5) / perSide - 0.5;
    return { x: a * u - b * v, y: b * u + a * v };
  });
  const offsetsX = Float64Array.from(offsets, ({ x }) => x);
  const offsetsY = Float64Array.from(offsets, ({ y }) => y);
  const { data: source, widthPx, heightPx } = image;
  const stride = 3 * widthPx;
  const data = new Uint8Array(3 * sizePx * sizePx);
  const colour = new Float64Array(3);
  let target = 0;
  for (let row = 0; row < sizePx; row += 1) {
    for (let column = 0; column < sizePx; column += 1, target += 3) {
      const middleX = a * column - b * row + tx;
      const middleY = b * column + a * row + ty;
      // One loop for all channels, without calls: it runs for a third of a million samples a face.
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let i = 0; i < samples; i += 1) {
        const x = middleX + (offsetsX[i] as number);
        const y = middleY + (offsetsY[i] as number);
        const left = Math.floor(x);
        const top = Math.floor(y);
        if (left >= 0 && top >= 0 && left < widthPx - 1 && top < heightPx - 1) {
          const right = x - left;
          const bottom = y - top;
          const lowerRight = right * bottom;
          const lowerLeft = bottom - lowerRight;
          const upperRight = right - lowerRight;
          const upperLeft = 1 - right - lowerLeft;
          const above = stride * top + 3 * left;
          const below = above + stride;
          red +=
            upperLeft * (source[above] as number) +
            upperRight * (source[above + 3] as number) +
            lowerLeft * (source[below] as number) +
            lowerRight * (source[below + 3] as number);
          green +=
            upperLeft * (source[above + 1] as number) +
            upperRight * (source[above + 4] as number) +
            lowerLeft * (source[below + 1] as number) +
            lowerRight * (source[below + 4] as number);
          blue +=
            upperLeft * (source[above + 2] as number) +
            upperRight * (source[above + 5] as number) +
            lowerLeft * (source[below + 2] as number) +
            lowerRight * (source[below + 5] as number);
        } else {
          colour.fill(0);
          addAtEdge(image, x, y, colour);
          red += colour[0] as number;
          green += colour[1] as number;
          blue += colour[2] as number;
        }
      }
      // Rounds: all values are positive.
      data[target] = red / samples + 0.5;
      data[target + 1] = green / samples + 0.5;
      data[target + 2] = blue / samples + 0.5;
    }
  }
  return { data, widthPx: sizePx, heightPx: sizePx };
}

/** Adds the interpolated colour at a point to `colour` (RGB). Pixels beyond the image count as black. */
function addAtEdge({ data, widthPx, heightPx }: RgbImage, x: number, y: number, colour: Float64Array): void {
  const left = Math.floor(x);
  const top = Math.floor(y);
  const weightLeft = left >= 0 && left < widthPx ? 1 - (x - left) : 0;
  const weightRight = left >= -1 && left < widthPx - 1 ? x - left : 0;
  const weightTop = top >= 0 && top < heightPx ? 1 - (y - top) : 0;
  const weightBottom = top >= -1 && top < heightPx - 1 ? y - top : 0;
  const columnLeft = 3 * Math.min(widthPx - 1, Math.max(0, left));
  const columnRight = 3 * Math.min(widthPx - 1, Math.max(0, left + 1));
  const rowTop = 3 * widthPx * Math.min(heightPx - 1, Math.max(0, top));
  const rowBottom = 3 * widthPx * Math.min(heightPx - 1, Math.max(0, top + 1));
  for (let channel = 0; channel < 3; channel += 1) {
    const above =
      weightLeft * (data[rowTop + columnLeft + channel] as number) +
      weightRight * (data[rowTop + columnRight + channel] as number);
    const below =
      weightLeft * (data[rowBottom + columnLeft + channel] as number) +
      weightRight * (data[rowBottom + columnRight + channel] as number);
    colour[channel] = (colour[channel] as number) + weightTop * above + weightBottom * below;
  }
}

function centroid(points: readonly Point[]): Point {
  const sum = points.reduce((total, { x, y }) => ({ x: total.x + x, y: total.y + y }));
  return { x: sum.x / points.length, y: sum.y / points.length };
}
