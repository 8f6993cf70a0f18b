import { html } from '/vendor/preact.js';
import type { WorkerSample, WorkerView } from '../../api/api.js';
import { areaPath, linePath, type Point } from '../lib/chart-geometry.js';
import { formatMegabytes, formatPercent, formatTemperature } from '../lib/format.js';

interface FigureView {
  readonly name: string;
  readonly value: string;
  readonly of: string | null;
  readonly points: readonly Point[];
  readonly max: number;
}

interface WorkerFiguresProps {
  readonly worker: WorkerView;
  readonly samples: readonly WorkerSample[];
}

/** Utilization, temperature and memory of a worker's device, now and over the last ten minutes. */
export function WorkerFigures({ worker, samples }: WorkerFiguresProps) {
  const figures = figuresOf(worker, samples);
  if (figures.length === 0) return null;
  return html`
    <dl class="figures">
      ${figures.map(
        ({ name, value, of, points, max }) => html`
          <div key=${name}>
            <dt>${name}</dt>
            <dd>${value}${of !== null && html`<small> of ${of}</small>`}</dd>
            <${Sparkline} points=${points} max=${max} label="${name} ${value}" />
          </div>
        `,
      )}
    </dl>
  `;
}

/** Leaves out figures that this kind of device does not have. */
function figuresOf(worker: WorkerView, samples: readonly WorkerSample[]): readonly FigureView[] {
  const pick = (key: 'utilization' | 'temperature' | 'memory_used_mb'): readonly Point[] =>
    samples.map((sample) => ({ at: sample.at, value: sample[key] }));
  const away = worker.activity === 'away';
  const isCpu = worker.gpu_index === null;
  const utilization = isCpu ? (worker.process_cpu_percent ?? null) : worker.gpu_utilization;
  const memory = isCpu ? worker.rss_mb : worker.gpu_memory_used_mb;
  const figures: readonly (FigureView & { readonly known: boolean })[] = [
    {
      name: isCpu ? 'CPU' : 'GPU',
      value: formatPercent(away ? null : utilization),
      of: null,
      points: pick('utilization'),
      max: 100,
      known: utilization !== null,
    },
    {
      name: 'Temperature',
      value: formatTemperature(away ? null : worker.gpu_temperature),
      of: null,
      points: pick('temperature'),
      max: 100,
      known: worker.gpu_temperature !== null,
    },
    {
      name: 'Memory',
      value: formatMegabytes(away ? null : memory),
      of: worker.gpu_memory_total_mb === null ? null : formatMegabytes(worker.gpu_memory_total_mb),
      points: pick('memory_used_mb'),
      max: worker.gpu_memory_total_mb ?? Math.max(0, ...samples.map((sample) => sample.memory_used_mb ?? 0)),
      known: memory !== null,
    },
  ];
  return figures.filter(({ known }) => known);
}

const SPARKLINE_WIDTH = 120;
const SPARKLINE_HEIGHT = 28;
const SPAN_S = 600;
/** Six missed samples. */
const GAP_S = 30;

interface SparklineProps {
  readonly points: readonly Point[];
  /** The value at the upper edge. */
  readonly max: number;
  readonly label: string;
}

/** The last ten minutes of one figure, without axes. */
function Sparkline({ points, max, label }: SparklineProps) {
  const to = points.at(-1)?.at ?? 0;
  const scale = {
    from: to - SPAN_S,
    to,
    min: 0,
    max: Math.max(max, 1e-9),
    width: SPARKLINE_WIDTH,
    height: SPARKLINE_HEIGHT,
  };
  return html`
    <svg
      class="sparkline"
      viewBox="0 0 ${SPARKLINE_WIDTH} ${SPARKLINE_HEIGHT}"
      preserveAspectRatio="none"
      role="img"
      aria-label="${label}, last ten minutes"
    >
      <path class="sparkline-area" d=${areaPath(points, scale, GAP_S)} />
      <path class="sparkline-line" d=${linePath(points, scale, GAP_S)} vector-effect="non-scaling-stroke" />
    </svg>
  `;
}
