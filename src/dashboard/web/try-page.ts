import { html } from '/vendor/preact.js';

export function TryPage() {
  return html`<p class="empty">Not here yet.</p>`;
}
