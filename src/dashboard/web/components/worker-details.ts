import { html } from '/vendor/preact.js';
import type { WorkerView } from '../../api/api.js';
import { formatMegabytes, formatPercent, UNKNOWN } from '../lib/format.js';

/** Facts that matter only when something looks wrong. */
export function WorkerDetails({ worker }: { readonly worker: WorkerView }) {
  const facts = factsOf(worker).filter(([, value]) => value !== null);
  return html`
    <details>
      <summary>Details</summary>
      <dl class="details">
        ${facts.map(
          ([name, value]) =>
            html`<div key=${name}>
              <dt>${name}</dt>
              <dd>${value}</dd>
            </div>`,
        )}
        ${worker.provider_refusals.map(
          ({ provider, reason }) =>
            html`<div key=${provider}>
              <dt>Not ${provider}</dt>
              <dd>${reason}</dd>
            </div>`,
        )}
      </dl>
    </details>
  `;
}

function factsOf(worker: WorkerView): readonly (readonly [name: string, value: string | null])[] {
  const { gpu_power_watts: watts, gpu_power_limit_watts: limit, event_loop_delay_max_ms: delay } = worker;
  const reliefs = [
    worker.oom_halved > 0 ? `${worker.oom_halved} × batch halved` : null,
    worker.oom_shrunk > 0 ? `${worker.oom_shrunk} × session reopened` : null,
    worker.oom_on_cpu > 0 ? `${worker.oom_on_cpu} × computed on the CPU` : null,
  ].filter((relief) => relief !== null);
  return [
    ['Engine', worker.engine ?? UNKNOWN],
    ['Version', worker.version],
    ['Concurrent jobs', String(worker.concurrency)],
    ['Process id', worker.pid === null ? 'none' : String(worker.pid)],
    ['Memory of the process', formatMegabytes(worker.rss_mb)],
    ['Longest event loop delay', delay === null ? null : `${Math.round(delay)} ms`],
    ['GPU', worker.gpu_index === null ? null : `${worker.gpu_index}, ${worker.gpu_uuid ?? UNKNOWN}`],
    [
      'Power',
      watts === null ? null : `${Math.round(watts)} of ${limit === null ? UNKNOWN : Math.round(limit)} W`,
    ],
    ['Throttling', worker.gpu_throttle_reasons === null ? null : listed(worker.gpu_throttle_reasons)],
    [
      'Uncorrected ECC errors',
      worker.gpu_ecc_uncorrected === null ? null : String(worker.gpu_ecc_uncorrected),
    ],
    ['Device out of memory', reliefs.length === 0 ? null : reliefs.join(', ')],
    ['Machine', `CPU ${formatPercent(worker.cpu_percent)}, RAM ${formatPercent(worker.ram_percent)}`],
  ];
}

function listed(reasons: readonly string[]): string {
  return reasons.length === 0 ? 'none' : reasons.join(', ');
}
