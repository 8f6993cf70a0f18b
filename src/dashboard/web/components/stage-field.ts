import { html } from '/vendor/preact.js';
import type { Gallery, GalleryList } from '../../api/api.js';
import { formatCount, plural } from '../lib/format.js';

interface StageFieldProps {
  readonly known: GalleryList | null;
  readonly stage: string;
  readonly disabled: boolean;
  readonly onStage: (stage: string) => void;
}

/** Suggests the known stages. Any other name is accepted too. */
export function StageField({ known, stage, disabled, onStage }: StageFieldProps) {
  const galleries = known?.galleries ?? [];
  return html`
    <div class="field">
      <label for="stage">Stage</label>
      <input
        id="stage"
        list="stages"
        required
        autocomplete="off"
        spellcheck=${false}
        placeholder=${galleries[0]?.stage ?? 'A folder in GALLERY_DIR'}
        data-testid="stage-input"
        aria-describedby="stage-hint"
        disabled=${disabled}
        value=${stage}
        onInput=${(event: Event) => onStage((event.target as HTMLInputElement).value)}
      />
      <datalist id="stages">
        ${galleries.map((gallery) => html`<option key=${gallery.stage} value=${gallery.stage}></option>`)}
      </datalist>
      <small id="stage-hint" class="faint">${hintFor(known, stage)}</small>
    </div>
  `;
}

function hintFor(known: GalleryList | null, stage: string): string {
  if (known === null) return 'The folder with the photos to search.';
  const found = known.galleries.find((gallery) => gallery.stage === stage.trim());
  if (found !== undefined) return describe(found);
  if (stage.trim() === '' || !known.stages_known) return 'The folder with the photos to search.';
  return 'There is no gallery with this name.';
}

function describe({ photos, indexed }: Gallery): string {
  if (photos === null) return `${plural(indexed, 'photo')} indexed.`;
  if (indexed >= photos) return `${plural(photos, 'photo')}, all indexed.`;
  return `${plural(photos, 'photo')}, ${formatCount(indexed)} indexed. A search indexes the others first, which takes a while.`;
}
