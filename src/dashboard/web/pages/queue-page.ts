import { html } from '/vendor/preact.js';
import type { FleetSample, QueueView } from '../../api/api.js';
import { Chart } from '../components/chart.js';
import type { Ask } from '../components/confirm-dialog.js';
import { searchesPerMinute } from '../lib/fleet-summary.js';
import { formatCount, formatLatency, formatRate, formatSecondsTick } from '../lib/format.js';
import { JobBrowser } from '../components/job-browser.js';
import { useReadOnly } from '../hooks/read-only.js';
import type { LiveState } from '../lib/live-state.js';
import type { Attempt } from '../components/notices.js';
import { PausedNotice } from '../components/paused-notice.js';
import type { Route } from '../lib/route.js';
import { countOf, JOB_STATE_WORDS, JOB_STATES, QUEUE_WORDS } from '../lib/job-states.js';

interface QueuePageProps {
  readonly live: LiveState;
  /** The job that the address names. */
  readonly job: Extract<Route, { page: 'queue' }>['job'];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

/** The jobs of both queues, and how fast searches are. */
export function QueuePage({ live, job, ask, attempt }: QueuePageProps) {
  const queues = live.fleet?.queues ?? [];
  return html`
    <h1 class="unseen">Queue</h1>
    <${PausedNotice} queues=${queues} />
    <${Counts} queues=${queues} />
    <${Charts} samples=${live.history.fleet} />
    <${JobBrowser} queues=${queues} job=${job} ask=${ask} attempt=${attempt} />
  `;
}

function Counts({ queues }: { readonly queues: readonly QueueView[] }) {
  return html`
    <section class="panel counts" aria-label="Counts" data-testid="counts">
      <table>
        <thead>
          <tr>
            <th scope="col"><span class="unseen">Queue</span></th>
            ${JOB_STATES.map((state) => html`<th scope="col">${JOB_STATE_WORDS[state]}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${queues.map(
            ({ kind, name, counts }) => html`
              <tr key=${kind} data-testid="counts-${kind}">
                <th scope="row" title=${name}>${QUEUE_WORDS[kind]}</th>
                ${JOB_STATES.map(
                  (state) => html`
                    <td class=${state === 'failed' && counts.failed > 0 ? 'warn' : undefined}>
                      <span class="narrow-head" aria-hidden="true">${JOB_STATE_WORDS[state]}</span>
                      ${formatCount(countOf(counts, state))}
                    </td>
                  `,
                )}
              </tr>
            `,
          )}
        </tbody>
      </table>
      ${!useReadOnly() && html`<a class="button" href="/board" data-testid="board-link">Raw queue</a>`}
    </section>
  `;
}

/** Number and duration of the searches in the last ten minutes. */
function Charts({ samples }: { readonly samples: readonly FleetSample[] }) {
  const latency = (key: 'p50' | 'p95') => samples.map((sample) => ({ at: sample.at, value: sample[key] }));
  return html`
    <div class="charts">
      <${Chart}
        title="Searches per minute"
        testid="chart-throughput"
        series=${[{ name: 'now', points: searchesPerMinute(samples), look: 'first', filled: true }]}
        format=${formatRate}
        formatTick=${formatRate}
        empty="No samples yet. The first arrives within seconds."
      />
      <${Chart}
        title="Search time"
        logarithmic
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
