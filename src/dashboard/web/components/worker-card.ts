import { html } from '/vendor/preact.js';
import type { WorkerSample, WorkerView } from '../../api/api.js';
import { commandWorker } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import { formatAgo, formatCount, formatDuration, formatExit } from '../lib/format.js';
import { Icon } from './icons.js';
import type { Attempt } from './notices.js';
import { ACTION_WORDS, sentWords, workerQuestion } from './worker-actions.js';
import { jobHash, kindOfJob } from '../lib/route.js';
import { reasonsOf } from '../lib/worker-reasons.js';
import { type WorkerAction, workerActionsFor, workerStateOf } from '../lib/worker-state.js';
import { useReadOnly } from '../hooks/read-only.js';
import { WorkerDetails } from './worker-details.js';
import { WorkerFigures } from './worker-figures.js';
import { WorkerStateBadge } from './worker-state-badge.js';

interface WorkerCardProps {
  readonly worker: WorkerView;
  /** The server's clock. */
  readonly at: number;
  readonly samples: readonly WorkerSample[];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

export function WorkerCard({ worker, at, samples, ask, attempt }: WorkerCardProps) {
  const { id, activity } = worker;
  const state = workerStateOf(worker);
  const actions = useReadOnly() ? [] : workerActionsFor(state);
  const send = async (action: WorkerAction) => {
    if (!(await ask(workerQuestion(id, action)))) return;
    await attempt(
      () => commandWorker(id, action),
      () => sentWords(id, action),
    );
  };
  return html`
    <article class="card ${activity}" data-testid="worker-${id}" aria-labelledby="name-${id}">
      <header>
        <h3 id="name-${id}">${id}</h3>
        <span data-testid="state-${id}"><${WorkerStateBadge} state=${state} activity=${activity} /></span>
      </header>
      <p class="device">
        <span>${worker.gpu_name ?? 'CPU'}</span>
        ${worker.gpu_index !== null && html`<span class="faint">${worker.provider ?? ''}</span>`}
        <span class="faint" title="Model pack">${worker.model_pack ?? ''}</span>
      </p>
      <${Reasons} worker=${worker} />
      <${WorkerFigures} worker=${worker} samples=${samples} />
      <${CurrentJob} worker=${worker} />
      <dl class="facts">
        <div>
          <dt>Done</dt>
          <dd>${formatCount(worker.jobs_processed)}</dd>
        </div>
        <div class=${worker.jobs_failed > 0 ? 'warn' : undefined}>
          <dt>Failed</dt>
          <dd>${formatCount(worker.jobs_failed)}</dd>
        </div>
        <div class=${activity === 'away' ? 'warn' : undefined}>
          <dt>Heartbeat</dt>
          <dd>${formatAgo(worker.heartbeat_age)}</dd>
        </div>
        <div>
          <dt>Uptime</dt>
          <dd>${activity === 'away' ? '–' : formatDuration(worker.uptime)}</dd>
        </div>
        <div class=${worker.restarts > 0 ? 'warn' : undefined}>
          <dt>Restarts</dt>
          <dd>${formatCount(worker.restarts)}</dd>
        </div>
      </dl>
      <${LastExitLine} exit=${worker.last_exit} at=${at} />
      <footer>
        <${WorkerDetails} worker=${worker} />
        <div class="actions">
          ${actions.map(
            (action) => html`
              <button
                key=${action}
                type="button"
                data-testid="${action}-${id}"
                aria-label="${ACTION_WORDS[action]} ${id}"
                onClick=${() => send(action)}
              >
                <${Icon} name=${action} />${ACTION_WORDS[action]}
              </button>
            `,
          )}
        </div>
      </footer>
    </article>
  `;
}

/** Problems that an operator should know about. */
function Reasons({ worker }: { readonly worker: WorkerView }) {
  return reasonsOf(worker).map(
    (reason) => html`<p class="reason"><${Icon} name="trouble" /><span>${reason}</span></p>`,
  );
}

function CurrentJob({ worker }: { readonly worker: WorkerView }) {
  const { current_job: job, current_job_progress: progress } = worker;
  if (job === null) return html`<p class="job faint">No job</p>`;
  return html`
    <p class="job">
      <a href=${jobHash(kindOfJob(job), job)} title=${job}>${job}</a>
      <progress max="100" value=${progress ?? undefined} aria-label="Progress of ${job}"></progress>
      <span class="number">${progress === null ? '–' : `${Math.round(progress)} %`}</span>
    </p>
  `;
}

function LastExitLine({ exit, at }: { readonly exit: WorkerView['last_exit']; readonly at: number }) {
  if (exit === null) return null;
  return html`
    <p class=${exit.planned ? 'exit faint' : 'exit'}>
      Last exit ${formatAgo(at - exit.at)}: ${formatExit(exit)}
      ${exit.error !== null && html`<span class="exit-error">${exit.error}</span>`}
    </p>
  `;
}
