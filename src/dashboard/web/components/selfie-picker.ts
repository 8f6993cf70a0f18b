import { html, useState } from '/vendor/preact.js';
import { useObjectUrls } from '../hooks/use-object-urls.js';
import { Icon } from './icons.js';

interface SelfiePickerProps {
  readonly files: readonly File[];
  readonly disabled: boolean;
  readonly onPick: (files: readonly File[]) => void;
}

/** Chooses images by click, keyboard, or drag and drop. */
export function SelfiePicker({ files, disabled, onPick }: SelfiePickerProps) {
  const [over, setOver] = useState(false);
  const previews = useObjectUrls(files);
  const take = (list: FileList | null | undefined) => {
    const images = [...(list ?? [])].filter(({ type }) => type.startsWith('image/'));
    if (images.length > 0) onPick(images);
  };
  const drag = (event: DragEvent) => {
    event.preventDefault();
    setOver(!disabled);
  };
  return html`
    <label
      class=${over ? 'drop over' : 'drop'}
      onDragEnter=${drag}
      onDragOver=${drag}
      onDragLeave=${() => setOver(false)}
      onDrop=${(event: DragEvent) => {
        event.preventDefault();
        setOver(false);
        if (!disabled) take(event.dataTransfer?.files);
      }}
    >
      <input
        type="file"
        accept="image/*"
        multiple
        class="unseen"
        disabled=${disabled}
        data-testid="selfie-input"
        onChange=${(event: Event) => take((event.target as HTMLInputElement).files)}
      />
      ${
        previews.length === 0
          ? html`<${Icon} name="photo" /><span>Drop a selfie here, or <u>choose one</u></span>`
          : html`
              <span class="previews">
                ${previews.map(({ url, name }) => html`<img key=${url} src=${url} alt="Selfie ${name}" />`)}
              </span>
              <span class="faint">${files.map(({ name }) => name).join(', ')} – <u>choose another</u></span>
            `
      }
      <small class="faint"
        >One face in good light. Several selfies of the same person improve the search.</small
      >
    </label>
  `;
}
