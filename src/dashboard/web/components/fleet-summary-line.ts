import { html } from '/vendor/preact.js';
import type { FleetEvent, FleetSample } from '../../api/api.js';
import { countStates, latestLatency, searchesPerMinute } from '../lib/fleet-summary.js';
import { formatCount, formatLatency, formatRate } from '../lib/format.js';
import { countOf } from '../lib/job-states.js';
import { WorkerStateBadge } from './worker-state-badge.js';

interface FleetSummaryProps {
  readonly fleet: FleetEvent;
  readonly samples: readonly FleetSample[];
  readonly machines: number;
}

/** The whole fleet in one line. */
export function FleetSummaryLine({ fleet, samples, machines }: FleetSummaryProps) {
  const latency = latestLatency(samples);
  const search = fleet.queues.find(({ kind }) => kind === 'search');
  return html`
    <section class="summary" aria-label="The fleet" data-testid="summary">
      <dl>
        <${Figure} name="Machines" value=${formatCount(machines)} />
        <${Figure} name="Workers" value=${formatCount(fleet.workers.length)} />
        <${Figure}
          name="Searches waiting"
          value=${formatCount(search === undefined ? null : countOf(search.counts, 'waiting'))}
        />
        <${Figure} name="Searches running" value=${formatCount(search?.counts.active ?? null)} />
        <${Figure}
          name="Searches / min"
          value=${formatRate(searchesPerMinute(samples).at(-1)?.value ?? null)}
        />
        <${Figure}
          name="Search time p50 / p95"
          value="${formatLatency(latency?.p50 ?? null)} / ${formatLatency(latency?.p95 ?? null)}"
        />
      </dl>
      <ul class="states" aria-label="Workers by state">
        ${countStates(fleet.workers).map(
          ({ state, count, activity }) => html`
            <li key=${state} data-testid="count-${state}">
              <${WorkerStateBadge} state=${state} activity=${activity} count=${count} />
            </li>
          `,
        )}
      </ul>
    </section>
  `;
}

function Figure({ name, value }: { readonly name: string; readonly value: string }) {
  return html`<div class="figure">
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}
