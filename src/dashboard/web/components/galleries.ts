import { html, useState } from '/vendor/preact.js';
import type { Gallery } from '../../api/api.js';
import { forgetGallery, indexGallery, listGalleries } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import { formatCount, plural } from '../lib/format.js';
import type { Attempt } from './notices.js';
import { ProblemBox } from './problem-box.js';
import { usePolled } from '../hooks/use-polled.js';

interface GalleriesProps {
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const EVERY_MS = 10_000;
/** Fewer are found without help. */
const FILTERED_FROM = 9;
/** A gallery may have thousands of folders. */
const MAX_SHOWN = 50;

/** What the fleet knows of each stage's photos. */
export function Galleries({ ask, attempt }: GalleriesProps) {
  const { value, problem, refresh } = usePolled('galleries', EVERY_MS, listGalleries);
  const [filter, setFilter] = useState('');
  const all = value?.galleries ?? [];
  const shown = all.filter(({ stage }) => stage.toLowerCase().includes(filter.toLowerCase()));

  const index = async ({ stage }: Gallery) => {
    await attempt(
      () => indexGallery(stage),
      ({ photos, batches }) =>
        photos === 0
          ? `${stage}: every photo is known already.`
          : `${stage}: ${plural(photos, 'photo')} in ${plural(batches, 'batch', 'batches')} to index.`,
    );
    refresh();
  };
  const forget = async ({ stage, indexed }: Gallery) => {
    const sure = await ask({
      title: `Forget ${stage}?`,
      text: `What is known of ${plural(indexed, 'photo')} of this stage is deleted. The photos themselves stay; to search them again they are indexed anew.`,
      yes: 'Forget it',
      grave: true,
    });
    if (!sure) return;
    await attempt(
      () => forgetGallery(stage),
      ({ photos }) => `${stage}: ${plural(photos, 'photo')} forgotten.`,
    );
    refresh();
  };

  return html`
    <section class="panel galleries" aria-labelledby="galleries-title" data-testid="galleries">
      <header>
        <h2 id="galleries-title">Galleries</h2>
        ${
          all.length >= FILTERED_FROM &&
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
            The dashboard does not see the photos: without GALLERY_DIR it shows only what has been indexed.
          </p>
        `
      }
      ${value !== null && all.length === 0 && html`<p class="empty">No gallery is known yet.</p>`}
      ${
        all.length > 0 &&
        shown.length === 0 &&
        html`<p class="empty">No gallery has “${filter}” in its name.</p>`
      }
      <ul class="gallery-rows">
        ${shown
          .slice(0, MAX_SHOWN)
          .map(
            (gallery) => html`
              <${GalleryRow}
                key=${gallery.stage}
                gallery=${gallery}
                onIndex=${() => index(gallery)}
                onForget=${() => forget(gallery)}
              />
            `,
          )}
      </ul>
      ${
        shown.length > MAX_SHOWN &&
        html`<p class="hint">
          ${formatCount(shown.length - MAX_SHOWN)} more: type a part of the name above.
        </p>`
      }
    </section>
  `;
}

interface GalleryRowProps {
  readonly gallery: Gallery;
  readonly onIndex: () => void;
  readonly onForget: () => void;
}

function GalleryRow({ gallery, onIndex, onForget }: GalleryRowProps) {
  const { stage, photos, indexed } = gallery;
  const share = photos === null || photos === 0 ? null : indexed / photos;
  return html`
    <li data-testid="gallery-${stage}">
      <span class="gallery-name">${stage}</span>
      <span class="gallery-count">
        ${
          photos === null
            ? `${formatCount(indexed)} indexed`
            : `${formatCount(indexed)} of ${plural(photos, 'photo')} indexed`
        }
      </span>
      ${
        share === null
          ? html`<span class="gallery-share"></span>`
          : html`<progress class="gallery-share" max="1" value=${share} aria-label="Indexed"></progress>`
      }
      <span class="actions">
        ${
          photos !== null &&
          html`<button
            type="button"
            aria-label="Index ${stage}"
            onClick=${onIndex}
            data-testid="index-${stage}"
          >
            Index
          </button>`
        }
        <button
          type="button"
          class="quiet"
          aria-label="Forget ${stage}"
          disabled=${indexed === 0}
          data-testid="forget-${stage}"
          onClick=${onForget}
        >
          Forget
        </button>
      </span>
    </li>
  `;
}
