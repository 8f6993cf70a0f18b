import { html } from '/vendor/preact.js';
import type { Gallery } from '../../api/api.js';
import { formatCount, plural } from '../lib/format.js';
import { galleryHash } from '../lib/route.js';
import { Icon } from './icons.js';
import { PathText } from './path-text.js';

interface GalleryRowProps {
  readonly gallery: Gallery;
  readonly open: boolean;
  /** The gallery's panel while it is open. */
  readonly children: unknown;
}

export function GalleryRow({ gallery: { stage, photos, indexed }, open, children }: GalleryRowProps) {
  const share = photos === null || photos === 0 ? null : indexed / photos;
  return html`
    <li>
      <a
        class="gallery-row"
        href=${open ? '#/galleries' : galleryHash(stage)}
        aria-expanded=${open}
        data-testid="gallery-${stage}"
      >
        <${Icon} name="chevron" />
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
      </a>
      ${children}
    </li>
  `;
}
