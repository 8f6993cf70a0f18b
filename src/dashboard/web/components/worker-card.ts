import { html } from '/vendor/preact.js';
import type { WorkerSample, WorkerView } from '../../api/api.js';
import { orderWorker } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import { formatAgo, formatCount, formatDuration, formatExit, plural } from '../lib/format.js';
import { ACTIVITY_ICONS, Icon } from './icons.js';
import type { Attempt } from './notices.js';
import { workerQuestion } from './worker-actions.js';
import { jobHash, kindOfJob } from '../lib/route.js';
import { ACTIVITY_WORDS, actionsFor, type WorkerAction } from '../lib/job-states.js';
import { WorkerDetails } from './worker-details.js';
import { WorkerFigures } from './worker-figures.js';

interface WorkerCardProps {
  readonly worker: WorkerView;
  /** The server's clock. */
  readonly at: number;
  readonly samples: readonly WorkerSample[];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const VERBS: Readonly<Record<WorkerAction, string>> = {
  pause: 'Pause',
  resume: 'Resume',
  restart: 'Restart',
};

export function WorkerCard({ worker, at, samples, ask, attempt }: WorkerCardProps) {
  const { id, activity } = worker;
  const order = async (action: WorkerAction) => {
    if (!(await ask(workerQuestion(id, action)))) return;
    await attempt(
      () => orderWorker(id, action),
      () => `${id}: ${action} has been ordered.`,
    );
  };
  return html`
    <article class="card ${activity}" data-testid="worker-${id}" aria-labelledby="name-${id}">
      <header>
        <span class="activity ${activity}">
          <${Icon} name=${ACTIVITY_ICONS[activity]} />${ACTIVITY_WORDS[activity]}
        </span>
        <h3 id="name-${id}">${id}</h3>
        <span class="status" data-testid="status-${id}"
          >${activity === 'away' ? 'offline' : worker.status}</span
        >
      </header>
      <p class="device">
        ${worker.gpu_name ?? 'CPU'}
        <span class="faint"> ${worker.provider ?? 'no provider yet'}</span>
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
          <dt>Up</dt>
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
          ${actionsFor(worker.status, activity).map(
            (action) => html`
              <button
                key=${action}
                type="button"
                data-testid="${action}-${id}"
                aria-label="${VERBS[action]} ${id}"
                onClick=${() => order(action)}
              >
                <${Icon} name=${action} />${VERBS[action]}
              </button>
            `,
          )}
        </div>
      </footer>
    </article>
  `;
}

/** What wants a person's eye, said in words. */
function Reasons({ worker }: { readonly worker: WorkerView }) {
  const throttled = worker.gpu_throttle_reasons ?? [];
  const errors = worker.gpu_ecc_uncorrected ?? 0;
  const reasons = [
    worker.status_reason,
    throttled.length > 0 ? `Clocks held back: ${throttled.join(', ')}` : null,
    errors > 0 ? `${plural(errors, 'memory error')} that ECC could not correct` : null,
  ].filter((reason) => reason !== null);
  return reasons.map(
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
