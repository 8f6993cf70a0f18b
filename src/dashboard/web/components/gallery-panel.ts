import { html } from '/vendor/preact.js';
import type { BrokenPhoto, GalleryDetails } from '../../api/api.js';
import { usePolled } from '../hooks/use-polled.js';
import { useReadOnly } from '../hooks/read-only.js';
import { forgetGallery, indexGallery, readGallery } from '../lib/api-client.js';
import { formatBytes, formatCount, plural, UNKNOWN } from '../lib/format.js';
import type { Ask } from './confirm-dialog.js';
import type { Attempt } from './notices.js';
import { PathText } from './path-text.js';
import { ProblemBox } from './problem-box.js';

interface GalleryPanelProps {
  readonly stage: string;
  readonly ask: Ask;
  readonly attempt: Attempt;
  readonly onChanged: () => void;
}

const POLL_INTERVAL_MS = 10_000;

/** What the index holds of one gallery, its broken photos, and what can be done with it. */
export function GalleryPanel({ stage, ask, attempt, onChanged }: GalleryPanelProps) {
  const {
    value: gallery,
    problem,
    refresh,
  } = usePolled(stage, POLL_INTERVAL_MS, (signal) => readGallery(stage, signal));
  const readOnly = useReadOnly();

  const index = async () => {
    await attempt(
      () => indexGallery(stage),
      ({ photos, batches }) =>
        photos === 0
          ? `${stage}: all photos are indexed.`
          : `${stage}: indexing ${plural(photos, 'photo')} in ${plural(batches, 'batch', 'batches')}.`,
    );
    onChanged();
    refresh();
  };
  const deleteFaceData = async ({ indexed }: GalleryDetails) => {
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
    onChanged();
    refresh();
  };

  return html`
    <div class="job-details" role="region" aria-label="Gallery ${stage}" data-testid="gallery-details">
      ${problem !== null && html`<${ProblemBox} problem=${problem} />`}
      ${gallery === null && problem === null && html`<p class="empty" role="status">Loading…</p>`}
      ${gallery !== null && html`<${Facts} gallery=${gallery} /><${BrokenPhotos} gallery=${gallery} />`}
      ${
        gallery !== null &&
        !readOnly &&
        html`
          <div class="actions">
            ${
              gallery.photos !== null &&
              html`<button type="button" data-testid="index" onClick=${index}>Index new photos</button>`
            }
            <button
              type="button"
              disabled=${gallery.indexed === 0}
              data-testid="forget"
              onClick=${() => deleteFaceData(gallery)}
            >
              Delete face data
            </button>
          </div>
        `
      }
    </div>
  `;
}

function Facts({ gallery }: { readonly gallery: GalleryDetails }) {
  const { photos, index, broken, indexing, model_pack: pack } = gallery;
  const facts: readonly (readonly [name: string, value: string])[] = [
    ['Photos', photos === null ? UNKNOWN : formatCount(photos)],
    ['Indexed', formatCount(index?.photos ?? gallery.indexed)],
    ['Faces', formatCount(index?.faces ?? null)],
    ['Photos without a face', formatCount(index?.without_faces ?? null)],
    ['Broken photos', formatCount(broken)],
    ['In Redis', index === null ? UNKNOWN : formatBytes(index.redis_bytes)],
    ['In the memory of a worker', index === null ? UNKNOWN : `about ${formatBytes(index.memory_bytes)}`],
    ['Model pack', pack ?? UNKNOWN],
  ];
  return html`
    ${
      indexing !== null &&
      html`<p data-testid="indexing">
        Indexing: ${formatCount(indexing.done)} of ${plural(indexing.photos, 'photo')}
        <progress max=${indexing.photos} value=${indexing.done} aria-label="Indexing"></progress>
      </p>`
    }
    ${
      index === null &&
      html`<p class="hint">The faces are not counted, because this machine has no model files.</p>`
    }
    <dl class="job-facts">
      ${facts.map(
        ([name, value]) =>
          html`<div key=${name}>
            <dt>${name}</dt>
            <dd>${value}</dd>
          </div>`,
      )}
    </dl>
  `;
}

function BrokenPhotos({ gallery }: { readonly gallery: GalleryDetails }) {
  const { broken, broken_photos: named } = gallery;
  if (broken === 0) return null;
  return html`
    <h4>Broken photos</h4>
    <ul class="broken-photos" data-testid="broken-photos">
      ${named.map(
        (photo: BrokenPhoto) => html`
          <li key=${photo.path}>
            <strong><${PathText} path=${photo.path.slice(gallery.stage.length + 1)} /></strong>
            <span class="faint">${photo.reason}${retryWords(photo)}</span>
          </li>
        `,
      )}
    </ul>
    ${broken > named.length && html`<p class="hint">${formatCount(broken - named.length)} more.</p>`}
  `;
}

function retryWords({ failures, retry_at: retryAt }: BrokenPhoto): string {
  if (retryAt === null) return '';
  return ` (failed ${plural(failures, 'time')}, next try ${new Date(retryAt * 1000).toLocaleString()})`;
}
