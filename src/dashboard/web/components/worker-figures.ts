import { html } from '/vendor/preact.js';
import type { WorkerSample, WorkerView } from '../../api/api.js';
import type { Point } from '../lib/chart-geometry.js';
import { formatMegabytes, formatPercent, formatTemperature } from '../lib/format.js';
import { Sparkline } from './sparkline.js';

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

/** A worker's device: how busy, how hot, how full, now and over the last ten minutes. */
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

/** Only what this kind of device can tell. */
function figuresOf(worker: WorkerView, samples: readonly WorkerSample[]): readonly FigureView[] {
  const pick = (key: 'utilization' | 'temperature' | 'memory_used_mb'): readonly Point[] =>
    samples.map((sample) => ({ at: sample.at, value: sample[key] }));
  const away = worker.activity === 'away';
  const isCpu = worker.gpu_index === null;
  const utilization = isCpu ? worker.cpu_percent : worker.gpu_utilization;
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
