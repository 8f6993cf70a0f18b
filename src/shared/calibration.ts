/** A pair [cosine similarity (-1..1), score (0..1)] that the calibration goes through. */
export type Anchor = readonly [cosine: number, score: number];

export interface Calibration {
  /** From -1..1 to 0..1; strictly rising, with a continuous slope. Values outside are clamped. */
  scoreOf(cosine: number): number;
  /** The inverse: from 0..1 to -1..1. */
  cosineOf(score: number): number;
}

/**
 * A monotone cubic through the anchors (Fritsch, Carlson: "Monotone Piecewise Cubic Interpolation", 1980, with
 * the slopes of Fritsch, Butland, 1984).
 *
 * @throws {Error} if the anchors do not rise from [-1, 0] to [1, 1]
 */
export function createCalibration(anchors: readonly Anchor[]): Calibration {
  if (!isCalibration(anchors)) {
    throw new Error(`The calibration must rise from [-1, 0] to [1, 1], but is ${JSON.stringify(anchors)}`);
  }
  const segments = toSegments(anchors);

  const scoreOf = (cosine: number): number => {
    const x = Math.min(1, Math.max(-1, cosine));
    const segment = segments.find(({ x1 }) => x <= x1) ?? segments.at(-1);
    return segment === undefined ? 0 : Math.min(1, Math.max(0, evaluate(segment, x)));
  };

  return {
    scoreOf,
    cosineOf: (score) => {
      let [low, high] = [-1, 1];
      // Each step halves the interval. After 53 steps, no double lies between its ends.
      for (let step = 0; step < 53; step += 1) {
        const middle = (low + high) / 2;
        if (scoreOf(middle) < score) low = middle;
        else high = middle;
      }
      return high;
    },
  };
}

interface Segment {
  readonly x0: number;
  readonly x1: number;
  readonly y0: number;
  readonly y1: number;
  readonly slope0: number;
  readonly slope1: number;
}

function toSegments(anchors: readonly Anchor[]): Segment[] {
  const secants = pairs(anchors).map(([[x0, y0], [x1, y1]]) => (y1 - y0) / (x1 - x0));
  const slopes = anchors.map((_, i) => slopeAt(secants[i - 1], secants[i]));
  return pairs(anchors).map(([[x0, y0], [x1, y1]], i) => ({
    x0,
    x1,
    y0,
    y1,
    slope0: slopes[i] ?? 0,
    slope1: slopes[i + 1] ?? 0,
  }));
}

/** The harmonic mean of the neighbouring secants keeps the curve monotone; the ends use their only secant. */
function slopeAt(before: number | undefined, after: number | undefined): number {
  if (before === undefined) return after ?? 0;
  if (after === undefined) return before;
  return (2 * before * after) / (before + after);
}

/** Cubic Hermite interpolation. */
function evaluate({ x0, x1, y0, y1, slope0, slope1 }: Segment, x: number): number {
  const width = x1 - x0;
  const t = (x - x0) / width;
  const u = 1 - t;
  return (
    y0 * u * u * (1 + 2 * t) +
    slope0 * width * t * u * u +
    y1 * t * t * (3 - 2 * t) -
    slope1 * width * t * t * u
  );
}

/** Whether anchors rise from [-1, 0] to [1, 1]. */
export function isCalibration(anchors: readonly Anchor[]): boolean {
  const [first, last] = [anchors[0], anchors.at(-1)];
  const spans = first?.[0] === -1 && first[1] === 0 && last?.[0] === 1 && last[1] === 1;
  return spans && pairs(anchors).every(([[x0, y0], [x1, y1]]) => x0 < x1 && y0 < y1);
}

function pairs<T>(items: readonly T[]): (readonly [T, T])[] {
  return items.slice(1).map((item, i) => [items[i] as T, item] as const);
}
