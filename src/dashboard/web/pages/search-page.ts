import { html, useState } from '/vendor/preact.js';
import { listGalleries } from '../lib/api-client.js';
import { formatLatency, plural } from '../lib/format.js';
import { Icon } from '../components/icons.js';
import { MatchGrid } from '../components/match-grid.js';
import { ProblemBox } from '../components/problem-box.js';
import { SearchDetails } from '../components/search-details.js';
import { SelfiePicker } from '../components/selfie-picker.js';
import { StageField } from '../components/stage-field.js';
import { describeProgress, type SearchState } from '../lib/search-state.js';
import { usePolled } from '../hooks/use-polled.js';
import { useSearch } from '../hooks/use-search.js';

const GALLERIES_INTERVAL_MS = 30_000;

/** A search by hand, to check that the fleet works. */
export function SearchPage() {
  const { value: known } = usePolled('galleries', GALLERIES_INTERVAL_MS, listGalleries);
  const { state, start, cancel, clear } = useSearch();
  const [files, setFiles] = useState<readonly File[]>([]);
  const [stage, setStage] = useState('');
  const [threshold, setThreshold] = useState('');
  const [limit, setLimit] = useState('');
  const busy = state.type === 'sending' || state.type === 'running';
  const submit = (event: Event) => {
    event.preventDefault();
    start({ stage: stage.trim(), threshold, limit, images: files });
  };
  return html`
    <h1 class="unseen">Search</h1>
    <div class="search-page">
      <form class="panel" onSubmit=${submit} aria-label="Search">
        <${SelfiePicker}
          files=${files}
          disabled=${busy}
          onPick=${(picked: readonly File[]) => {
            setFiles(picked);
            clear();
          }}
        />
        <${StageField} known=${known} stage=${stage} disabled=${busy} onStage=${setStage} />
        <details>
          <summary>Options</summary>
          <div class="options">
            <div class="field">
              <label for="threshold">Threshold</label>
              <input
                id="threshold"
                type="number"
                min="0"
                max="1"
                step="any"
                placeholder="Default"
                data-testid="threshold-input"
                disabled=${busy}
                value=${threshold}
                onInput=${(event: Event) => setThreshold(textOf(event))}
              />
            </div>
            <div class="field">
              <label for="limit">Maximum matches</label>
              <input
                id="limit"
                type="number"
                min="1"
                step="1"
                placeholder="Default"
                data-testid="limit-input"
                disabled=${busy}
                value=${limit}
                onInput=${(event: Event) => setLimit(textOf(event))}
              />
            </div>
          </div>
        </details>
        <div class="actions">
          <button
            type="submit"
            class="primary"
            data-testid="search-button"
            disabled=${busy || files.length === 0 || stage.trim() === ''}
          >
            <${Icon} name="search" />Search
          </button>
          ${
            state.type === 'running' &&
            html`
              <button
                type="button"
                data-testid="cancel-button"
                disabled=${state.cancelling}
                onClick=${cancel}
              >
                Cancel
              </button>
            `
          }
        </div>
      </form>
      <section class="panel outcome" aria-label="Results" aria-busy=${busy}>
        <${Outcome} state=${state} files=${files} />
      </section>
    </div>
  `;
}

function Outcome({ state, files }: { readonly state: SearchState; readonly files: readonly File[] }) {
  return html`
    <div role="status" aria-live="polite">
      ${
        state.type === 'found' &&
        html`
          <p class="found" data-testid="search-summary">
            <strong>${plural(state.matches.length, 'photo')}</strong>
            ${state.tookS !== null && html`<span class="faint"> found in ${formatLatency(state.tookS)}</span>`}
          </p>
        `
      }
      ${
        (state.type === 'sending' || state.type === 'running') &&
        html`
          <div class="searching">
            <p>${describeProgress(state)}</p>
            <progress
              max="100"
              value=${state.type === 'running' && state.now.state === 'active' ? state.now.progress : undefined}
              aria-label="Progress of the search"
              data-testid="search-progress"
            ></progress>
          </div>
        `
      }
    </div>
    ${state.type === 'idle' && html`<p class="empty">The matching photos appear here.</p>`}
    ${state.type === 'failed' && html`<${ProblemBox} problem=${state.problem} testid="search-error" />`}
    ${state.type === 'found' && state.details !== null && html`<${SearchDetails} details=${state.details} files=${files} />`}
    ${state.type === 'found' && html`<${MatchGrid} matches=${state.matches} />`}
  `;
}

function textOf(event: Event): string {
  return (event.target as HTMLInputElement).value;
}
