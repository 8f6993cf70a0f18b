import { html, useState } from '/vendor/preact.js';
import type { Gallery } from '../../api/api.js';
import { forgetGallery, indexGallery, listGalleries } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import { formatCount, plural } from '../lib/format.js';
import type { Attempt } from './notices.js';
import { PathText } from './path-text.js';
import { ProblemBox } from './problem-box.js';
import { usePolled } from '../hooks/use-polled.js';

interface GalleriesProps {
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const POLL_INTERVAL_MS = 10_000;
/** A shorter list needs no filter. */
const FILTER_FROM = 9;
/** There may be thousands of galleries. */
const MAX_SHOWN = 50;

/** The galleries, and how many of their photos are indexed. */
export function Galleries({ ask, attempt }: GalleriesProps) {
  const { value, problem, refresh } = usePolled('galleries', POLL_INTERVAL_MS, listGalleries);
  const [filter, setFilter] = useState('');
  const all = value?.galleries ?? [];
  const shown = all.filter(({ stage }) => stage.toLowerCase().includes(filter.toLowerCase()));

  const index = async ({ stage }: Gallery) => {
    await attempt(
      () => indexGallery(stage),
      ({ photos, batches }) =>
        photos === 0
          ? `${stage}: all photos are indexed.`
          : `${stage}: indexing ${plural(photos, 'photo')} in ${plural(batches, 'batch', 'batches')}.`,
    );
    refresh();
  };
  const deleteFaceData = async ({ stage, indexed }: Gallery) => {
    const sure = await ask({
      title: `Delete the face data of ${stage}?`,
      text: `This deletes the faces of ${plural(indexed, 'photo')} from Redis. The photos stay. The next search of this stage indexes them again.`,
      yes: 'Delete face data',
      irreversible: true,
    });
    if (!sure) return;
    await attempt(
      () => forgetGallery(stage),
      ({ photos }) => `${stage}: deleted the face data of ${plural(photos, 'photo')}.`,
    );
    refresh();
  };

  return html`
    <section class="panel galleries" aria-labelledby="galleries-title" data-testid="galleries">
      <header>
        <h2 id="galleries-title">Galleries</h2>
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
        shown.length === 0 &&
        html`<p class="empty">No gallery name contains “${filter}”.</p>`
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
                onDelete=${() => deleteFaceData(gallery)}
              />
            `,
          )}
      </ul>
      ${
        shown.length > MAX_SHOWN &&
        html`<p class="hint">
          ${formatCount(shown.length - MAX_SHOWN)} more. Enter a part of the name in the filter.
        </p>`
      }
    </section>
  `;
}

interface GalleryRowProps {
  readonly gallery: Gallery;
  readonly onIndex: () => void;
  readonly onDelete: () => void;
}

function GalleryRow({ gallery, onIndex, onDelete }: GalleryRowProps) {
  const { stage, photos, indexed } = gallery;
  const share = photos === null || photos === 0 ? null : indexed / photos;
  return html`
    <li data-testid="gallery-${stage}">
      <span class="gallery-name"><${PathText} path=${stage} /></span>
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
          aria-label="Delete the face data of ${stage}"
          disabled=${indexed === 0}
          data-testid="forget-${stage}"
          onClick=${onDelete}
        >
          Delete face data
        </button>
      </span>
    </li>
  `;
}
