import { html } from '/vendor/preact.js';
import type { FleetEvent, FleetSample } from '../../api/api.js';
import { countActivities, latestLatency, searchesPerMinute } from '../lib/fleet-summary.js';
import { formatCount, formatLatency, formatRate } from '../lib/format.js';
import { ACTIVITY_ICONS, Icon } from './icons.js';
import { ACTIVITIES, ACTIVITY_WORDS } from '../lib/job-states.js';

interface FleetSummaryProps {
  readonly fleet: FleetEvent;
  readonly samples: readonly FleetSample[];
  readonly machines: number;
}

/** The whole fleet in one line. */
export function FleetSummary({ fleet, samples, machines }: FleetSummaryProps) {
  const counts = countActivities(fleet.workers);
  const latency = latestLatency(samples);
  const search = fleet.queues.find(({ kind }) => kind === 'search')?.counts;
  return html`
    <section class="summary" aria-label="The fleet" data-testid="summary">
      <dl>
        <${Figure} name="Machines" value=${formatCount(machines)} />
        <${Figure} name="Workers" value=${formatCount(fleet.workers.length)} />
        <${Figure}
          name="Searches / min"
          value=${formatRate(searchesPerMinute(samples).at(-1)?.value ?? null)}
        />
        <${Figure}
          name="Time p50 / p95"
          value="${formatLatency(latency?.p50 ?? null)} / ${formatLatency(latency?.p95 ?? null)}"
        />
        <${Figure} name="Waiting" value=${formatCount(search?.waiting ?? null)} />
        <${Figure} name="Running" value=${formatCount(search?.active ?? null)} />
      </dl>
      <ul class="activities" aria-label="Workers by activity">
        ${ACTIVITIES.filter((activity) => counts[activity] > 0).map(
          (activity) => html`
            <li class="activity ${activity}" data-testid="count-${activity}">
              <${Icon} name=${ACTIVITY_ICONS[activity]} />
              <strong>${counts[activity]}</strong> ${ACTIVITY_WORDS[activity].toLowerCase()}
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
