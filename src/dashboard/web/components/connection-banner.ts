import { html } from '/vendor/preact.js';
import { formatAgo } from '../lib/format.js';
import { Icon } from './icons.js';
import { isStale, type LiveState } from '../lib/live-state.js';

interface ConnectionBannerProps {
  readonly live: LiveState;
  readonly nowMs: number;
}

/** Warns that the figures are outdated, and says why and since when. */
export function ConnectionBanner({ live, nowMs }: ConnectionBannerProps) {
  const stale = isStale(live, nowMs);
  const age = live.receivedAtMs === null ? null : (nowMs - live.receivedAtMs) / 1000;
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
                ${age === null ? ' No figures yet.' : ` Last update: ${formatAgo(age)}.`}
              </span>
            </p>
          </div>
        `
      }
    </div>
  `;
}

function headline(live: LiveState): string {
  if (live.connection === 'broken') return 'Connection lost. Reconnecting…';
  if (live.trouble !== null) return live.trouble.message;
  return 'The dashboard sends no updates.';
}
