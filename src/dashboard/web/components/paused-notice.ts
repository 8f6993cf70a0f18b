import { html } from '/vendor/preact.js';
import type { QueueView } from '../../api/api.js';
import { plural } from '../lib/format.js';
import { countOf, QUEUE_WORDS } from '../lib/job-states.js';
import { Icon } from './icons.js';

/** A paused queue keeps its jobs until someone resumes it. */
export function PausedNotice({ queues }: { readonly queues: readonly QueueView[] }) {
  return queues
    .filter(({ paused }) => paused)
    .map(
      ({ kind, counts }) => html`
        <p class="reason paused" role="status" data-testid="paused-${kind}">
          <${Icon} name="pause" />
          <span>
            The queue of ${QUEUE_WORDS[kind].toLowerCase()} is paused.
            ${` ${plural(countOf(counts, 'waiting'), 'job waits', 'jobs wait')} until it is resumed.`}
          </span>
        </p>
      `,
    );
}
