import { html, useEffect, useRef, useState } from '/vendor/preact.js';
import {
  areaPath,
  linearRange,
  linePath,
  logarithmicRange,
  minuteTicks,
  type Point,
  type Scale,
  valueTicks,
  xOf,
  yOf,
} from '../lib/chart-geometry.js';

const FIRST_WIDTH = 560;
const HEIGHT = 150;
const LEFT = 52;
const BOTTOM = 22;
const TOP = 10;
const RIGHT = 16;
/** Below this width (px), labels every two minutes would overlap. */
const NARROW = 420;
const SPAN_S = 600;
const GAP_S = 30;

export interface Series {
  readonly name: string;
  readonly points: readonly Point[];
  /** Colour and dashes: lines must differ in more than their colour. */
  readonly look: 'first' | 'second';
  readonly filled?: boolean;
}

interface ChartProps {
  readonly title: string;
  readonly series: readonly Series[];
  /** A logarithmic axis of values. */
  readonly logarithmic?: boolean;
  readonly format: (value: number) => string;
  /** Formats the round values on the axis. */
  readonly formatTick: (value: number) => string;
  /** The text in place of an empty chart. */
  readonly empty: string;
  readonly testid: string;
}

/** Lines over the last ten minutes, with labelled axes and the latest values in the legend. */
export function Chart({ title, series, logarithmic = false, format, formatTick, empty, testid }: ChartProps) {
  const [plot, drawn] = useWidth(FIRST_WIDTH);
  const all = series.flatMap(({ points }) => points);
  const values = all.flatMap(({ value }) => (value === null ? [] : [value]));
  const to = Math.max(...all.map(({ at }) => at), 0);
  const scale: Scale = {
    ...(logarithmic ? logarithmicRange(values) : linearRange(values)),
    from: to - SPAN_S,
    to,
    width: drawn - LEFT - RIGHT,
    height: HEIGHT - TOP - BOTTOM,
  };
  return html`
    <figure class="chart" data-testid=${testid}>
      <figcaption>
        <span class="chart-title">${title}</span>
        ${series.map((line) => html`<${LegendEntry} line=${line} format=${format} />`)}
      </figcaption>
      <div ref=${plot} class="plot">
        ${
          values.length === 0
            ? html`<p class="empty">${empty}</p>`
            : html`
                <svg viewBox="0 0 ${drawn} ${HEIGHT}" role="img" aria-label="${title}, last ten minutes">
                  <g transform="translate(${LEFT} ${TOP})">
                    ${valueTicks(scale).map((value) => {
                      const y = yOf(scale, value);
                      return html`
                        <line class="grid" x1="0" x2=${scale.width} y1=${y} y2=${y} />
                        <text class="tick" x="-8" y=${y} text-anchor="end" dominant-baseline="middle">
                          ${formatTick(value)}
                        </text>
                      `;
                    })}
                    ${minuteTicks(scale, drawn < NARROW ? 5 : 2).map(
                      ({ x, label }) => html`
                        <text class="tick" x=${x} y=${scale.height + 16} text-anchor="middle">${label}</text>
                      `,
                    )}
                    ${series.map(
                      ({ points, look, filled }) => html`
                        ${filled === true && html`<path class="area ${look}" d=${areaPath(points, scale, GAP_S)} />`}
                        <path class="line ${look}" d=${linePath(points, scale, GAP_S)} />
                        <${Newest} points=${points} scale=${scale} look=${look} />
                      `,
                    )}
                  </g>
                </svg>
              `
        }
      </div>
    </figure>
  `;
}

function LegendEntry({ line, format }: { readonly line: Series; readonly format: ChartProps['format'] }) {
  const newest = line.points.findLast(({ value }) => value !== null)?.value ?? null;
  return html`
    <span class="legend">
      <svg class="legend-key" viewBox="0 0 18 6" aria-hidden="true">
        <path class="line ${line.look}" d="M1 3L17 3" />
      </svg>
      ${line.name} <strong>${newest === null ? '–' : format(newest)}</strong>
    </span>
  `;
}

interface NewestProps {
  readonly points: readonly Point[];
  readonly scale: Scale;
  readonly look: Series['look'];
}

function Newest({ points, scale, look }: NewestProps) {
  const newest = points.findLast(({ value }) => value !== null);
  if (newest?.value === undefined || newest.value === null) return null;
  return html`
    <circle class="newest ${look}" cx=${xOf(scale, newest.at)} cy=${yOf(scale, newest.value)} r="3" />
  `;
}

/** The width (px) of an element. Drawing at that width keeps the letters of a chart at their size. */
function useWidth(initial: number): readonly [ref: { current: HTMLElement | null }, width: number] {
  const ref = useRef<HTMLElement>(null);
  const [width, setWidth] = useState(initial);
  useEffect(() => {
    const element = ref.current;
    if (element === null) return undefined;
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setWidth(Math.max(200, Math.round(entry.contentRect.width)));
    });
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return [ref, width];
}
