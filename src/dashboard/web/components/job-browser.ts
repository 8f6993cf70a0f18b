import { html, useEffect, useState } from '/vendor/preact.js';
import type { JobState, JobSummary, QueueKind, QueueView } from '../../api/api.js';
import { listJobs } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import { formatCount, plural } from '../lib/format.js';
import { JobPanel } from './job-panel.js';
import { JobRow } from './job-row.js';
import type { Attempt } from './notices.js';
import { ProblemBox } from './problem-box.js';
import { jobHash, type Route } from '../lib/route.js';
import { countOf, JOB_STATE_WORDS, JOB_STATES, NO_JOBS_WORDS, QUEUE_WORDS } from '../lib/job-states.js';
import { Tabs } from './tabs.js';
import { usePolled } from '../hooks/use-polled.js';

interface JobBrowserProps {
  readonly queues: readonly QueueView[];
  readonly job: Extract<Route, { page: 'queue' }>['job'];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const PAGE_SIZE = 25;
const POLL_INTERVAL_MS = 4000;
const KINDS: readonly QueueKind[] = ['search', 'index'];

/** Lists the jobs of one queue in one state, and opens one of them. */
export function JobBrowser({ queues, job, ask, attempt }: JobBrowserProps) {
  const [kind, setKind] = useState<QueueKind>(job?.kind ?? 'search');
  const [state, setState] = useState<JobState>('active');
  const [count, setCount] = useState(PAGE_SIZE);
  useEffect(() => {
    if (job !== null) setKind(job.kind);
  }, [job?.kind, job?.id]);

  const counts = queues.find((queue) => queue.kind === kind)?.counts;
  const key = `${kind} ${state} ${count}`;
  const { value, problem, refresh } = usePolled(key, POLL_INTERVAL_MS, (signal) =>
    listJobs(kind, state, count, signal),
  );
  const jobs = value?.jobs ?? [];
  const panel =
    job &&
    html`<${JobPanel}
      key="${job.kind} ${job.id}"
      kind=${job.kind}
      id=${job.id}
      ask=${ask}
      attempt=${attempt}
      onChanged=${refresh}
      onClose=${closePanel}
    />`;
  const listed = job !== null && job.kind === kind && jobs.some(({ id }) => id === job.id);

  return html`
    <section class="panel jobs" aria-labelledby="jobs-title">
      <header>
        <h2 id="jobs-title">Jobs</h2>
        <div class="switch" role="group" aria-label="Queue">
          ${KINDS.map(
            (one) => html`
              <button
                type="button"
                aria-pressed=${one === kind}
                data-testid="kind-${one}"
                onClick=${() => {
                  setKind(one);
                  setCount(PAGE_SIZE);
                  closePanel();
                }}
              >
                ${QUEUE_WORDS[one]}
              </button>
            `,
          )}
        </div>
      </header>
      <${Tabs}
        label="Jobs by state"
        panel="job-list"
        tabs=${JOB_STATES.map((one) => ({
          value: one,
          word: JOB_STATE_WORDS[one],
          note: formatCount(counts === undefined ? null : countOf(counts, one)),
        }))}
        chosen=${state}
        onChoose=${(one: JobState) => {
          setState(one);
          setCount(PAGE_SIZE);
          closePanel();
        }}
      />
      ${!listed && panel}
      <div id="job-list" role="tabpanel" aria-labelledby="tab-${state}">
        ${problem !== null && html`<${ProblemBox} problem=${problem} retry=${refresh} />`}
        ${value === null && problem === null && html`<p class="empty" role="status">Loading…</p>`}
        ${
          value !== null &&
          jobs.length === 0 &&
          html`<p class="empty">${NO_JOBS_WORDS[state](QUEUE_WORDS[kind].toLowerCase())}</p>`
        }
        <ul class="job-rows">
          ${jobs.map(
            (one: JobSummary) => html`
              <${JobRow}
                key=${one.id}
                job=${one}
                href=${jobHash(kind, one.id)}
                open=${listed && job.id === one.id}
                onClose=${closePanel}
              >
                ${listed && job.id === one.id ? panel : null}
              <//>
            `,
          )}
        </ul>
        ${
          value !== null &&
          value.total > jobs.length &&
          html`
            <p class="more">
              <span class="faint">${formatCount(jobs.length)} of ${plural(value.total, 'job')}</span>
              <button type="button" data-testid="more" onClick=${() => setCount(count + PAGE_SIZE)}>
                Show more
              </button>
            </p>
          `
        }
      </div>
    </section>
  `;
}

function closePanel(): void {
  location.hash = '#/queue';
}
