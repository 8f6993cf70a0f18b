import { html } from '/vendor/preact.js';
import { formatAgo } from '../lib/format.js';
import { Icon } from './icons.js';
import { isStale, type LiveState } from '../lib/live-state.js';

/** Says that the figures are old, how old, and why. */
export function ConnectionBanner({ live, now }: { readonly live: LiveState; readonly now: number }) {
  const stale = isStale(live, now);
  const age = live.receivedAtMs === null ? null : (now - live.receivedAtMs) / 1000;
  return html`
    <div class="banner-place" role="status" aria-live="polite">
      ${
        stale &&
        html`
          <div class="banner" data-testid="banner">
            <${Icon} name="trouble" />
            <p>
              <strong>${headline(live)}</strong>
              <span aria-live="off">
                ${age === null ? ' No figures have come yet.' : ` These figures came ${formatAgo(age)}.`}
              </span>
            </p>
          </div>
        `
      }
    </div>
  `;
}

function headline(live: LiveState): string {
  if (live.connection === 'broken') return 'Connection lost, trying again.';
  if (live.trouble !== null) return `Redis is away. ${live.trouble.message}`;
  return 'Nothing new is coming from the dashboard.';
}
