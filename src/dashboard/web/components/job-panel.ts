import { html } from '/vendor/preact.js';
import type { JobDetails, QueueKind } from '../../api/api.js';
import { cancelSearch, readJob, removeJob, retryJob } from '../lib/api-client.js';
import type { Ask, Question } from './confirm-dialog.js';
import { formatLatency, UNKNOWN } from '../lib/format.js';
import { MatchGrid } from './match-grid.js';
import type { Attempt } from './notices.js';
import { PathText } from './path-text.js';
import { ProblemBox } from './problem-box.js';
import { type JobAction, jobActionsFor, jobStateWords, retryProblem } from '../lib/job-states.js';
import { SearchDetails } from './search-details.js';
import { useReadOnly } from '../hooks/read-only.js';
import { usePolled } from '../hooks/use-polled.js';

interface JobPanelProps {
  readonly kind: QueueKind;
  readonly id: string;
  readonly ask: Ask;
  readonly attempt: Attempt;
  readonly onChanged: () => void;
  readonly onClose: () => void;
}

const POLL_INTERVAL_MS = 3000;
const WORDS: Readonly<Record<JobAction, string>> = { retry: 'Retry', remove: 'Remove', cancel: 'Cancel' };
const DONE: Readonly<Record<JobAction, string>> = {
  retry: 'is back in the queue.',
  remove: 'is removed.',
  cancel: 'is being cancelled.',
};

/** All details of one job, and the actions on it. */
export function JobPanel({ kind, id, ask, attempt, onChanged, onClose }: JobPanelProps) {
  const {
    value: job,
    problem,
    refresh,
  } = usePolled(id, POLL_INTERVAL_MS, (signal) => readJob(kind, id, signal));
  const readOnly = useReadOnly();
  const act = async (action: JobAction) => {
    if (!(await ask(questionFor(id, action)))) return;
    const requests = {
      retry: retryJob,
      remove: removeJob,
      cancel: (_: QueueKind, one: string) => cancelSearch(one),
    };
    const done = await attempt(
      () => requests[action](kind, id),
      () => `${id} ${DONE[action]}`,
    );
    onChanged();
    if (done && action === 'remove') onClose();
    else refresh();
  };
  return html`
    <div class="job-details" role="region" aria-label="Job ${id}" data-testid="job-details">
      <header>
        <h3>${id}</h3>
        <button type="button" class="quiet" aria-label="Close the job" onClick=${onClose}>✕</button>
      </header>
      ${problem !== null && html`<${ProblemBox} problem=${problem} />`}
      ${job === null && problem === null && html`<p class="empty" role="status">Loading…</p>`}
      ${job !== null && html`<${JobFacts} job=${job} />`}
      ${
        job !== null &&
        html`
          <div class="actions">
            ${(readOnly ? [] : jobActionsFor(kind, job)).map(
              (action) => html`
                <button key=${action} type="button" data-testid=${action} onClick=${() => act(action)}>
                  ${WORDS[action]}
                </button>
              `,
            )}
          </div>
          ${
            job.state === 'failed' &&
            retryProblem(job) !== null &&
            html`<p class="hint" data-testid="no-retry">${retryProblem(job)}</p>`
          }
        `
      }
    </div>
  `;
}

function questionFor(id: string, action: JobAction): Question {
  switch (action) {
    case 'retry':
      return { title: `Retry ${id}?`, text: 'The job goes back to the queue.', yes: 'Retry' };
    case 'remove':
      return {
        title: `Remove ${id}?`,
        text: 'This deletes the job, its log and its result. You cannot undo this.',
        yes: 'Remove',
        irreversible: true,
      };
    case 'cancel':
      return {
        title: `Cancel ${id}?`,
        text: 'The search ends without a result.',
        yes: 'Cancel search',
        no: 'Keep searching',
        irreversible: true,
      };
  }
}

function JobFacts({ job }: { readonly job: JobDetails }) {
  const waited = job.started_at === null ? null : job.started_at - job.added_at;
  const took = job.started_at === null || job.ended_at === null ? null : job.ended_at - job.started_at;
  const facts: readonly (readonly [name: string, value: unknown])[] = [
    ['State', jobStateWords(job)],
    ['User', job.uid ?? UNKNOWN],
    ['Stage', job.stage === null ? UNKNOWN : html`<${PathText} path=${job.stage} />`],
    ['Worker', job.worker ?? UNKNOWN],
    ['Added', new Date(job.added_at * 1000).toLocaleString()],
    ['Waited', formatLatency(waited)],
    ['Took', formatLatency(took)],
    ['Attempts', String(job.attempts)],
    ['Progress', `${Math.round(job.progress)} %`],
  ];
  return html`
    ${job.error !== null && html`<${ProblemBox} problem=${job.error} testid="job-error" />`}
    <dl class="job-facts">
      ${facts.map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
    <h4>Log</h4>
    ${
      job.log.length === 0
        ? html`<p class="faint">The log is empty.</p>`
        : html`<pre class="log" tabindex="0" aria-label="Log">${job.log.join('\n')}</pre>`
    }
    <details>
      <summary>Data</summary>
      <pre class="log" tabindex="0" aria-label="Data">${JSON.stringify(job.data, null, 2)}</pre>
    </details>
    ${
      job.matches !== null &&
      html`<h4>Results</h4>
        ${job.details !== null && html`<${SearchDetails} details=${job.details} />`}
        <${MatchGrid} matches=${job.matches} />`
    }
  `;
}
