import { html } from '/vendor/preact.js';

export function QueuePage() {
  return html`<p class="empty">Not here yet.</p>`;
}
