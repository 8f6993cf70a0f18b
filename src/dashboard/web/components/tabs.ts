import { html } from '/vendor/preact.js';

interface TabsProps<T extends string> {
  readonly label: string;
  /** The id of the element that the tabs control. */
  readonly panel: string;
  readonly tabs: readonly { readonly value: T; readonly word: string; readonly note: string }[];
  readonly chosen: T;
  readonly onChoose: (value: T) => void;
}

/** One tab stop; the arrow keys, Home and End move between the tabs. */
export function Tabs<T extends string>({ label, panel, tabs, chosen, onChoose }: TabsProps<T>) {
  const move = (event: KeyboardEvent) => {
    const at = tabs.findIndex(({ value }) => value === chosen);
    const steps: Readonly<Record<string, number>> = {
      ArrowRight: (at + 1) % tabs.length,
      ArrowLeft: (at + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const target = tabs[steps[event.key] ?? -1];
    if (target === undefined) return;
    event.preventDefault();
    onChoose(target.value);
    document.getElementById(`tab-${target.value}`)?.focus();
  };
  return html`
    <div class="tabs" role="tablist" aria-label=${label} onKeyDown=${move}>
      ${tabs.map(
        ({ value, word, note }) => html`
          <button
            key=${value}
            type="button"
            role="tab"
            id="tab-${value}"
            data-testid="tab-${value}"
            aria-selected=${value === chosen}
            aria-controls=${panel}
            tabindex=${value === chosen ? 0 : -1}
            onClick=${() => onChoose(value)}
          >
            ${word} <span class="number">${note}</span>
          </button>
        `,
      )}
    </div>
  `;
}
