import { html, useEffect, useRef, useState } from '/vendor/preact.js';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** The word on the button that confirms: the action itself. */
  readonly yes: string;
  /** The word on the other button. */
  readonly no?: string;
  /** It cannot be undone. */
  readonly irreversible?: boolean;
}

export type Ask = (question: Question) => Promise<boolean>;

interface Open {
  readonly question: Question;
  readonly answer: (yes: boolean) => void;
}

/** Asks the user to confirm. The page must contain `dialog` once. */
export function useConfirm(): { readonly ask: Ask; readonly dialog: unknown } {
  const [open, setOpen] = useState<Open | null>(null);
  const ask: Ask = (question) =>
    new Promise((resolve) => {
      setOpen({
        question,
        answer: (yes) => {
          setOpen(null);
          resolve(yes);
        },
      });
    });
  return {
    ask,
    dialog: open && html`<${ConfirmDialog} question=${open.question} answer=${open.answer} />`,
  };
}

/** A native modal dialog: the browser keeps the focus inside, closes it on Escape and restores the focus. */
function ConfirmDialog({ question, answer }: Open) {
  const dialog = useRef<HTMLDialogElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // Focus "Cancel" first, so that Enter does nothing harmful.
    no.current?.focus();
  }, []);
  const close = (value: string) => () => dialog.current?.close(value);
  return html`
    <dialog
      ref=${dialog}
      class="confirm"
      data-testid="confirm"
      aria-labelledby="confirm-title"
      aria-describedby="confirm-text"
      onClose=${() => answer(dialog.current?.returnValue === 'yes')}
    >
      <h2 id="confirm-title">${question.title}</h2>
      <p id="confirm-text">${question.text}</p>
      <div class="actions">
        <button type="button" ref=${no} data-testid="confirm-no" onClick=${close('')}>
          ${question.no ?? 'Cancel'}
        </button>
        <button
          type="button"
          class=${question.irreversible === true ? 'irreversible' : 'primary'}
          data-testid="confirm-yes"
          onClick=${close('yes')}
        >
          ${question.yes}
        </button>
      </div>
    </dialog>
  `;
}
