import { html, useEffect, useRef, useState } from '/vendor/preact.js';
import { Icon } from './icons.js';

interface SelfiePickerProps {
  readonly files: readonly File[];
  readonly disabled: boolean;
  readonly onPick: (files: readonly File[]) => void;
}

/** Takes pictures by a click, by the keyboard, or dropped onto it. */
export function SelfiePicker({ files, disabled, onPick }: SelfiePickerProps) {
  const [over, setOver] = useState(false);
  const previews = useObjectUrls(files);
  const take = (list: FileList | null | undefined) => {
    const pictures = [...(list ?? [])].filter(({ type }) => type.startsWith('image/'));
    if (pictures.length > 0) onPick(pictures);
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
          ? html`<${Icon} name="picture" /><span>Drop a selfie here, or <u>choose one</u></span>`
          : html`
              <span class="previews">
                ${previews.map(({ url, name }) => html`<img key=${url} src=${url} alt="Selfie ${name}" />`)}
              </span>
              <span class="faint">${files.map(({ name }) => name).join(', ')} – <u>choose another</u></span>
            `
      }
      <small class="faint"
        >One face, in the light. Several pictures of the same person make the search surer.</small
      >
    </label>
  `;
}

interface Preview {
  readonly url: string;
  readonly name: string;
}

/** Addresses under which the page can show files that have not been sent, given back when they change. */
function useObjectUrls(files: readonly File[]): readonly Preview[] {
  const [previews, setPreviews] = useState<readonly Preview[]>([]);
  const made = useRef<readonly Preview[]>([]);
  useEffect(() => {
    made.current = files.map((file) => ({ url: URL.createObjectURL(file), name: file.name }));
    setPreviews(made.current);
    return () => {
      for (const { url } of made.current) URL.revokeObjectURL(url);
    };
  }, [files]);
  return previews;
}
