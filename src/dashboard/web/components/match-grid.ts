import { html, useState } from '/vendor/preact.js';
import type { Match } from '../../api/api.js';
import { formatScore } from '../lib/format.js';
import { Icon } from './icons.js';

/** Matches, best first, each with the face marked in its photo. */
export function MatchGrid({ matches }: { readonly matches: readonly Match[] }) {
  if (matches.length === 0) {
    return html`<p class="empty">No photo shows this face well enough.</p>`;
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
  const picture =
    match.photo === null || broken
      ? html`
          <span class="no-photo">
            <${Icon}
              name="picture"
            />${broken ? 'The photo cannot be shown' : 'The photo is not on this machine'}
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
            ${
              size !== null &&
              match.box !== null &&
              html`<${Face} size=${size} box=${match.box} photo=${match.photo} />`
            }
          </a>
        `;
  return html`
    <li class="match" data-testid="match">
      <div class="match-picture">${picture}</div>
      <p>
        <strong class="number">${formatScore(match.score)}</strong> <span class="faint">${match.id}</span>
      </p>
    </li>
  `;
}

type Box = NonNullable<Match['box']>;

/** Laid over the photo: an SVG of the photo's size is fitted into its place as the photo itself is. */
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

/** The face alone: in a photo of a crowd it is too small to be compared. */
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
