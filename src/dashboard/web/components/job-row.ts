import { html } from '/vendor/preact.js';
import type { JobSummary } from '../../api/api.js';
import { formatAgo, formatLatency, UNKNOWN } from '../lib/format.js';
import { Icon } from './icons.js';
import { PathText } from './path-text.js';

interface JobRowProps {
  readonly job: JobSummary;
  readonly href: string;
  readonly open: boolean;
  readonly onClose: () => void;
  /** The job's panel while it is open. */
  readonly children: unknown;
}

export function JobRow({ job, href, open, onClose, children }: JobRowProps) {
  const toggle = (event: Event) => {
    if (!open) return;
    event.preventDefault();
    onClose();
  };
  return html`
    <li>
      <a class="job-row" href=${href} aria-expanded=${open} data-testid="job-${job.id}" onClick=${toggle}>
        <${Icon} name="chevron" />
        <span class="job-id">${job.id}</span>
        <span class="job-user">${job.uid ?? UNKNOWN}</span>
        <span class="job-stage"
          >${job.stage === null ? UNKNOWN : html`<${PathText} path=${job.stage} />`}</span
        >
        <span class="faint">${job.waiting_for_index ? 'waits for its index' : (job.worker ?? '')}</span>
        <span class="job-when">${whenOf(job)}</span>
        ${
          job.state === 'active' &&
          html`<progress
            max="100"
            value=${job.progress}
            aria-label="${Math.round(job.progress)} %"
          ></progress>`
        }
        ${job.error !== null && html`<span class="job-error">${job.error.message}</span>`}
      </a>
      ${children}
    </li>
  `;
}

/** Uses this browser's clock: a difference of a few seconds does not matter here. */
function whenOf(job: JobSummary): string {
  const now = Date.now() / 1000;
  if (job.ended_at !== null) {
    const took = job.started_at === null ? null : job.ended_at - job.started_at;
    return took === null
      ? formatAgo(now - job.ended_at)
      : `${formatLatency(took)}, ${formatAgo(now - job.ended_at)}`;
  }
  // A job that went back to the queue has been started before.
  if (job.state === 'active' && job.started_at !== null) return `started ${formatAgo(now - job.started_at)}`;
  return `added ${formatAgo(now - job.added_at)}`;
}
