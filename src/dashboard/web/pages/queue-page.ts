import { html } from '/vendor/preact.js';
import type { QueueView } from '../../api/api.js';
import type { Ask } from '../components/confirm-dialog.js';
import { formatCount } from '../lib/format.js';
import { Galleries } from '../components/galleries.js';
import { JobBrowser } from '../components/job-browser.js';
import type { LiveState } from '../lib/live-state.js';
import type { Attempt } from '../components/notices.js';
import { QueueCharts } from '../components/queue-charts.js';
import type { Route } from '../lib/route.js';
import { JOB_STATE_WORDS, JOB_STATES, QUEUE_WORDS } from '../lib/job-states.js';

interface QueuePageProps {
  readonly live: LiveState;
  /** The job that the address names. */
  readonly job: Extract<Route, { page: 'queue' }>['job'];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

/** What waits, runs and has ended, how fast, and what is known of the galleries. */
export function QueuePage({ live, job, ask, attempt }: QueuePageProps) {
  const queues = live.fleet?.queues ?? [];
  return html`
    <h1 class="unseen">Queue</h1>
    <${Counts} queues=${queues} />
    <${QueueCharts} samples=${live.history.fleet} />
    <${JobBrowser} queues=${queues} job=${job} ask=${ask} attempt=${attempt} />
    <${Galleries} ask=${ask} attempt=${attempt} />
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
                    <td class=${state === 'failed' && counts[state] > 0 ? 'warn' : undefined}>
                      <span class="narrow-head" aria-hidden="true">${JOB_STATE_WORDS[state]}</span>
                      ${formatCount(counts[state])}
                    </td>
                  `,
                )}
              </tr>
            `,
          )}
        </tbody>
      </table>
      <a class="button" href="/board" data-testid="board-link">Raw queue</a>
    </section>
  `;
}
