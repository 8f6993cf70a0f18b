export interface Point {
  readonly at: number;
  readonly value: number | null;
}

export interface Scale {
  /** Times of the left and the right edge, in seconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** The value of the upper edge; the lower one is 0. */
  readonly max: number;
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

export function yOf(scale: Scale, value: number): number {
  return scale.height - (Math.min(Math.max(value, 0), scale.max) / scale.max) * scale.height;
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
