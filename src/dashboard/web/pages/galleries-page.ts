import { html, useState } from '/vendor/preact.js';
import type { Gallery } from '../../api/api.js';
import type { Ask } from '../components/confirm-dialog.js';
import { GalleryPanel } from '../components/gallery-panel.js';
import { GalleryRow } from '../components/gallery-row.js';
import type { Attempt } from '../components/notices.js';
import { ProblemBox } from '../components/problem-box.js';
import { usePolled } from '../hooks/use-polled.js';
import { listGalleries } from '../lib/api-client.js';
import { formatCount } from '../lib/format.js';

interface GalleriesPageProps {
  /** The gallery that the address names. */
  readonly stage: string | null;
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const POLL_INTERVAL_MS = 10_000;
/** A shorter list needs no filter. */
const FILTER_FROM = 9;
/** There may be thousands of galleries. */
const MAX_SHOWN = 100;

/** The galleries, how many of their photos are indexed, and one of them in detail. */
export function GalleriesPage({ stage, ask, attempt }: GalleriesPageProps) {
  const { value, problem, refresh } = usePolled('galleries', POLL_INTERVAL_MS, listGalleries);
  const [filter, setFilter] = useState('');
  const all = value?.galleries ?? [];
  const matching = all.filter((one: Gallery) => one.stage.toLowerCase().includes(filter.toLowerCase()));
  const shown = matching.slice(0, MAX_SHOWN);
  const isListed = shown.some((one: Gallery) => one.stage === stage);
  const panel =
    stage !== null &&
    html`<${GalleryPanel} key=${stage} stage=${stage} ask=${ask} attempt=${attempt} onChanged=${refresh} />`;

  return html`
    <section class="panel galleries" aria-labelledby="galleries-title" data-testid="galleries">
      <header>
        <h1 id="galleries-title">Galleries</h1>
        ${
          all.length >= FILTER_FROM &&
          html`
            <input
              type="search"
              placeholder="Filter"
              aria-label="Filter the galleries"
              value=${filter}
              onInput=${(event: Event) => setFilter((event.target as HTMLInputElement).value)}
            />
          `
        }
      </header>
      ${problem !== null && html`<${ProblemBox} problem=${problem} retry=${refresh} />`}
      ${value === null && problem === null && html`<p class="empty" role="status">Loading…</p>`}
      ${
        value?.stages_known === false &&
        html`
          <p class="hint">
            GALLERY_DIR is not set for the dashboard, so it lists only what is already indexed.
          </p>
        `
      }
      ${value !== null && all.length === 0 && html`<p class="empty">There are no galleries yet.</p>`}
      ${
        all.length > 0 &&
        matching.length === 0 &&
        html`<p class="empty">No gallery name contains “${filter}”.</p>`
      }
      ${value !== null && !isListed && panel}
      <ul class="gallery-rows">
        ${shown.map(
          (gallery: Gallery) => html`
            <${GalleryRow} key=${gallery.stage} gallery=${gallery} open=${gallery.stage === stage}>
              ${gallery.stage === stage ? panel : null}
            <//>
          `,
        )}
      </ul>
      ${
        matching.length > MAX_SHOWN &&
        html`<p class="hint">
          ${formatCount(matching.length - MAX_SHOWN)} more. Enter a part of the name in the filter.
        </p>`
      }
    </section>
  `;
}
