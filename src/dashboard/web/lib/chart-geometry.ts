export interface Point {
  readonly at: number;
  readonly value: number | null;
}

export interface Scale {
  /** Times of the left and the right edge, in seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** Values of the lower and the upper edge. */
  readonly min: number;
  readonly max: number;
  /** Each step up multiplies the value, instead of adding to it. `min` must then be above 0. */
  readonly logarithmic?: boolean;
  readonly width: number;
  readonly height: number;
}

/** The next round number (1, 2 or 5 times a power of ten) at or above `value`, for the labels of an axis. */
export function niceCeiling(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  const step = [1, 2, 5, 10].find((factor) => value <= factor * power * (1 + 1e-9)) ?? 10;
  return step * power;
}

export function xOf(scale: Scale, at: number): number {
  return ((at - scale.from) / (scale.to - scale.from)) * scale.width;
}

export function yOf({ min, max, logarithmic = false, height }: Scale, value: number): number {
  const shown = Math.min(Math.max(value, min), max);
  const share = logarithmic ? Math.log(shown / min) / Math.log(max / min) : (shown - min) / (max - min);
  return height - share * height;
}

type Range = Pick<Scale, 'min' | 'max' | 'logarithmic'>;

/** From 0 to a round number at or above all values. */
export function linearRange(values: readonly number[]): Range {
  return { min: 0, max: niceCeiling(Math.max(0, ...values)) };
}

/** Between two powers of ten, so that 50 ms and 30 s can both be read off the same axis. */
export function logarithmicRange(values: readonly number[]): Range {
  const positive = values.filter((value) => value > 0);
  if (positive.length === 0) return { min: 0.1, max: 1, logarithmic: true };
  const min = 10 ** Math.floor(Math.log10(Math.min(...positive)));
  const max = 10 ** Math.ceil(Math.log10(Math.max(...positive)));
  return { min, max: Math.max(max, 10 * min), logarithmic: true };
}

/** The values with a label: every power of ten, or the edges and the middle. */
export function valueTicks({ min, max, logarithmic = false }: Range): readonly number[] {
  if (!logarithmic) return [min, (min + max) / 2, max];
  const powers = Math.round(Math.log10(max / min));
  return Array.from({ length: powers + 1 }, (_, power) => min * 10 ** power);
}

/** An SVG path through the points. It breaks at unknown values and where points are more than `gapS` apart. */
export function linePath(points: readonly Point[], scale: Scale, gapS = Infinity): string {
  return runsOf(points, scale, gapS)
    .map((run) => `M${run.map(([x, y]) => `${round(x)} ${round(y)}`).join('L')}`)
    .join('');
}

/** The area between the line and the lower edge. */
export function areaPath(points: readonly Point[], scale: Scale, gapS = Infinity): string {
  return runsOf(points, scale, gapS)
    .map((run) => {
      const line = run.map(([x, y]) => `L${round(x)} ${round(y)}`).join('');
      const left = run[0]?.[0] ?? 0;
      const right = run.at(-1)?.[0] ?? 0;
      return `M${round(left)} ${round(scale.height)}${line}L${round(right)} ${round(scale.height)}Z`;
    })
    .join('');
}

type Run = (readonly [x: number, y: number])[];

function runsOf(points: readonly Point[], scale: Scale, gapS: number): readonly Run[] {
  const runs: Run[] = [];
  let lastAt = -Infinity;
  let open: Run | null = null;
  for (const { at, value } of points) {
    if (at < scale.from) continue;
    if (value === null) {
      open = null;
      continue;
    }
    if (open === null || at - lastAt > gapS) {
      open = [];
      runs.push(open);
    }
    open.push([xOf(scale, at), yOf(scale, value)]);
    lastAt = at;
  }
  // A path with one point draws nothing. With two equal points, the round line ends draw a dot.
  return runs.map((run) => (run.length === 1 && run[0] !== undefined ? [run[0], run[0]] : run));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/** Labels of the time axis at whole minutes before the right edge, oldest first. */
export function minuteTicks(scale: Scale, everyMinutes: number): readonly { x: number; label: string }[] {
  const span = Math.floor((scale.to - scale.from) / 60);
  const ticks = [];
  for (let ago = span - (span % everyMinutes); ago >= 0; ago -= everyMinutes) {
    ticks.push({ x: xOf(scale, scale.to - ago * 60), label: ago === 0 ? 'now' : `−${ago} min` });
  }
  return ticks;
}
