import { html } from '/vendor/preact.js';
import { areaPath, linePath, type Point } from '../lib/chart-geometry.js';

const WIDTH = 120;
const HEIGHT = 28;
const SPAN_S = 600;
/** Six missed samples. */
const GAP_S = 30;

interface SparklineProps {
  readonly points: readonly Point[];
  /** The value of the upper edge. */
  readonly max: number;
  readonly label: string;
}

/** The last ten minutes of one figure, without axes. */
export function Sparkline({ points, max, label }: SparklineProps) {
  const to = points.at(-1)?.at ?? 0;
  const scale = { from: to - SPAN_S, to, max: Math.max(max, 1e-9), width: WIDTH, height: HEIGHT };
  return html`
    <svg
      class="sparkline"
      viewBox="0 0 ${WIDTH} ${HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label="${label}, last ten minutes"
    >
      <path class="sparkline-area" d=${areaPath(points, scale, GAP_S)} />
      <path class="sparkline-line" d=${linePath(points, scale, GAP_S)} vector-effect="non-scaling-stroke" />
    </svg>
  `;
}
