import { html } from '/vendor/preact.js';
import type {
  FaceProblem,
  SearchDetails as Details,
  SelfieDetails,
  SelfieFace,
} from '../../../shared/job.js';
import { useObjectUrls } from '../hooks/use-object-urls.js';
import { formatCount, formatScore, plural } from '../lib/format.js';
import { Icon } from './icons.js';
import { SelfieFaces } from './selfie-faces.js';

interface SearchDetailsProps {
  readonly details: Details;
  /** The selfies, where the browser has them: the server deletes them after the search. */
  readonly files?: readonly File[];
}

const NO_FILES: readonly File[] = [];

/** How an answer came about: the faces of each selfie, which of them was searched, and what made it hard. */
export function SearchDetails({ details, files = NO_FILES }: SearchDetailsProps) {
  const { selfies, photos, faces, modelPack, threshold, expandedBy, hint } = details;
  const urls = useObjectUrls(files);
  return html`
    <div class="search-details" data-testid="search-details">
      ${
        hint !== null &&
        html`<p class="reason" data-testid="selfie-hint"><${Icon} name="trouble" /><span>${hint}</span></p>`
      }
      <details open=${hint !== null || selfies.some(isSpecial)}>
        <summary>How this was searched</summary>
        <ul class="selfies">
          ${selfies.map((selfie, i) => html`<${Selfie} key=${i} selfie=${selfie} url=${urls[i]?.url ?? null} />`)}
        </ul>
        <p>
          Compared with ${plural(faces, 'face')} in ${plural(photos, 'photo')}. Model pack ${modelPack},
          threshold ${` ${formatScore(threshold)}`}.
          ${expandedBy > 0 && ` ${plural(expandedBy, 'certain match', 'certain matches')} improved the search.`}
        </p>
      </details>
    </div>
  `;
}

/** Whether a person wants to know how the selfie was searched. */
function isSpecial({ faces, searched, turnedDeg }: SelfieDetails): boolean {
  const face = searched === null ? undefined : faces[searched];
  return faces.length !== 1 || turnedDeg !== 0 || face === undefined || face.problem !== null;
}

function Selfie({ selfie, url }: { readonly selfie: SelfieDetails; readonly url: string | null }) {
  const { faces, searched, turnedDeg, reason } = selfie;
  return html`
    <li class="selfie">
      ${url !== null && html`<${SelfieFaces} url=${url} selfie=${selfie} />`}
      <div>
        <p>${sentence(reason)}${turnedDeg > 0 && ` The selfie was turned by ${turnedDeg}° to be upright.`}</p>
        <ol class="faces">
          ${faces.map(
            (face, i) =>
              html`<${Face}
                key=${i}
                face=${face}
                isSearched=${i === searched}
                isOne=${faces.length === 1}
              />`,
          )}
        </ol>
      </div>
    </li>
  `;
}

interface FaceProps {
  readonly face: SelfieFace;
  readonly isSearched: boolean;
  /** The only face of the selfie. */
  readonly isOne: boolean;
}

function Face({ face, isSearched, isOne }: FaceProps) {
  const { sizePx, sharpness, brightness, yawDeg, problem } = face;
  const facts = [
    `${formatCount(sizePx)} px`,
    `sharpness ${formatCount(sharpness)}`,
    `brightness ${formatCount(brightness)} of 255`,
    `turned by ${formatCount(yawDeg)}°`,
  ];
  return html`
    <li class=${isOne ? 'one' : undefined} data-testid=${isSearched ? 'searched-face' : undefined}>
      ${isSearched && !isOne && html`<strong>searched</strong> `}
      <span class="faint">${facts.join(', ')}</span>
      ${problem !== null && html` <span class="face-problem">${PROBLEM_WORDS[problem]}</span>`}
    </li>
  `;
}

/** The engine writes a part of a sentence. */
function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`;
}

const PROBLEM_WORDS: Readonly<Record<FaceProblem, string>> = {
  'too small': 'The face is too small.',
  'too dark': 'The face is too dark.',
  'too bright': 'The face is too bright.',
  blurred: 'The face is blurred.',
  'turned away': 'The face is turned away.',
};
