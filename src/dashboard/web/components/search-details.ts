import { html } from '/vendor/preact.js';
import type { FaceProblem, SearchDetails as Details, SelfieDetails } from '../../../shared/job.js';
import { formatCount, formatScore, plural } from '../lib/format.js';
import { Icon } from './icons.js';

/** How an answer came about: the faces of each selfie, which of them was searched, and what made it hard. */
export function SearchDetails({ details }: { readonly details: Details }) {
  const { selfies, photos, faces, modelPack, threshold, expandedBy, hint } = details;
  return html`
    <div class="search-details" data-testid="search-details">
      ${
        hint !== null &&
        html`<p class="reason" data-testid="selfie-hint"><${Icon} name="trouble" /><span>${hint}</span></p>`
      }
      <details>
        <summary>How this was searched</summary>
        <ol>
          ${selfies.map((selfie) => html`<${Selfie} selfie=${selfie} />`)}
        </ol>
        <p>
          Compared with ${plural(faces, 'face')} in ${plural(photos, 'photo')}. Model pack ${modelPack},
          threshold ${` ${formatScore(threshold)}`}.
          ${expandedBy > 0 && ` ${plural(expandedBy, 'certain match', 'certain matches')} improved the search.`}
        </p>
      </details>
    </div>
  `;
}

function Selfie({ selfie }: { readonly selfie: SelfieDetails }) {
  const { faces, searched, turnedDeg, reason } = selfie;
  const face = searched === null ? undefined : faces[searched];
  return html`
    <li>
      ${plural(faces.length, 'face')}${turnedDeg > 0 && `, turned by ${turnedDeg} degrees`}. ${reason}
      ${
        face !== undefined &&
        html`
          <dl class="details">
            <div>
              <dt>Size</dt>
              <dd>${formatCount(face.sizePx)} px</dd>
            </div>
            <div>
              <dt>Sharpness</dt>
              <dd>${formatCount(face.sharpness)}</dd>
            </div>
            <div>
              <dt>Brightness</dt>
              <dd>${formatCount(face.brightness)} of 255</dd>
            </div>
            <div>
              <dt>Turned</dt>
              <dd>${formatCount(face.yawDeg)}°</dd>
            </div>
            ${
              face.problem !== null &&
              html`<div class="warn">
                <dt>Problem</dt>
                <dd>${PROBLEM_WORDS[face.problem]}</dd>
              </div>`
            }
          </dl>
        `
      }
    </li>
  `;
}

const PROBLEM_WORDS: Readonly<Record<FaceProblem, string>> = {
  'too small': 'The face is too small.',
  'too dark': 'The face is too dark.',
  'too bright': 'The face is too bright.',
  blurred: 'The face is blurred.',
  'turned away': 'The face is turned away.',
};
