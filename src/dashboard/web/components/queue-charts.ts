import { html } from '/vendor/preact.js';
import type { FleetSample } from '../../api/api.js';
import { Chart } from './chart.js';
import { searchesPerMinute } from '../lib/fleet-summary.js';
import { formatLatency, formatRate, formatSecondsTick } from '../lib/format.js';

/** How many searches and how long they take, over the last ten minutes. */
export function QueueCharts({ samples }: { readonly samples: readonly FleetSample[] }) {
  const latency = (key: 'p50' | 'p95') => samples.map((sample) => ({ at: sample.at, value: sample[key] }));
  return html`
    <div class="charts">
      <${Chart}
        title="Searches per minute"
        testid="chart-throughput"
        series=${[{ name: 'now', points: searchesPerMinute(samples), look: 'first', filled: true }]}
        format=${formatRate}
        formatTick=${formatRate}
        empty="No samples yet: the first comes within seconds."
      />
      <${Chart}
        title="Time of a search"
        testid="chart-latency"
        series=${[
          { name: 'p50', points: latency('p50'), look: 'first' },
          { name: 'p95', points: latency('p95'), look: 'second' },
        ]}
        format=${formatLatency}
        formatTick=${formatSecondsTick}
        empty="No search has ended in the last ten minutes."
      />
    </div>
  `;
}
