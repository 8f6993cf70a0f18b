import { html, useState } from '/vendor/preact.js';
import type { Match } from '../../api/api.js';
import { formatScore } from '../lib/format.js';
import { Icon } from './icons.js';
import { PathText } from './path-text.js';

/** The matching photos, best first, with the face marked in each. */
export function MatchGrid({ matches }: { readonly matches: readonly Match[] }) {
  if (matches.length === 0) {
    return html`<p class="empty">No photo shows this person.</p>`;
  }
  return html`
    <ol class="matches">
      ${matches.map((match) => html`<${MatchCard} key=${match.id} match=${match} />`)}
    </ol>
  `;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

function MatchCard({ match }: { readonly match: Match }) {
  const [size, setSize] = useState<Size | null>(null);
  const [broken, setBroken] = useState(false);
  const photo =
    match.photo === null || broken
      ? html`
          <span class="no-photo">
            <${Icon} name="photo" />${broken ? 'Cannot show the photo' : 'The photo is not on this machine'}
          </span>
        `
      : html`
          <a href=${match.photo} target="_blank" rel="noopener" aria-label="Open ${match.id}">
            <img
              src=${match.photo}
              alt=""
              loading="lazy"
              onLoad=${(event: Event) => {
                const image = event.target as HTMLImageElement;
                setSize({ width: image.naturalWidth, height: image.naturalHeight });
              }}
              onError=${() => setBroken(true)}
            />
            ${size !== null && match.box !== null && html`<${Frame} size=${size} box=${match.box} />`}
          </a>
        `;
  return html`
    <li class="match" data-testid="match">
      <div class="match-photo">${photo}</div>
      <div class="match-caption">
        ${
          size !== null &&
          match.box !== null &&
          match.photo !== null &&
          html`<${Face} size=${size} box=${match.box} photo=${match.photo} />`
        }
        <strong class="number">${formatScore(match.score)}</strong>
      </div>
      <p class="faint"><${PathText} path=${match.id} /></p>
    </li>
  `;
}

type Box = NonNullable<Match['box']>;

/** Marks the face. The SVG has the photo's size, so the browser scales both alike. */
function Frame({ size, box }: { readonly size: Size; readonly box: Box }) {
  return html`
    <svg class="match-frame" viewBox="0 0 ${size.width} ${size.height}" aria-hidden="true">
      ${['frame-edge', 'frame'].map(
        (look) => html`
          <rect
            class=${look}
            x=${box.x * size.width}
            y=${box.y * size.height}
            width=${box.width * size.width}
            height=${box.height * size.height}
            vector-effect="non-scaling-stroke"
          />
        `,
      )}
    </svg>
  `;
}

/** A cutout of the face, which is too small to recognise in a photo of a crowd. */
function Face({ size, box, photo }: { readonly size: Size; readonly box: Box; readonly photo: string }) {
  const side = Math.max(box.width * size.width, box.height * size.height) * 1.3;
  const x = (box.x + box.width / 2) * size.width - side / 2;
  const y = (box.y + box.height / 2) * size.height - side / 2;
  return html`
    <svg class="match-face" viewBox="${x} ${y} ${side} ${side}" aria-hidden="true">
      <image href=${photo} width=${size.width} height=${size.height} />
    </svg>
  `;
}
