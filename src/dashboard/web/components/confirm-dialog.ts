import { html, useEffect, useRef, useState } from '/vendor/preact.js';

export interface Question {
  readonly title: string;
  readonly text: string;
  /** The button that does it, named after what it does. */
  readonly yes: string;
  /** It cannot be undone. */
  readonly grave?: boolean;
}

export type Ask = (question: Question) => Promise<boolean>;

interface Open {
  readonly question: Question;
  readonly answer: (yes: boolean) => void;
}

/** Asks before something is done. The dialog has to be put on the page once. */
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

/** A native modal dialog: the browser keeps the focus inside, closes on Escape and gives the focus back. */
function ConfirmDialog({ question, answer }: Open) {
  const dialog = useRef<HTMLDialogElement>(null);
  const no = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
    // Enter must not do what nobody has read.
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
        <button type="button" ref=${no} data-testid="confirm-no" onClick=${close('')}>No, leave it</button>
        <button
          type="button"
          class=${question.grave === true ? 'grave' : 'primary'}
          data-testid="confirm-yes"
          onClick=${close('yes')}
        >
          ${question.yes}
        </button>
      </div>
    </dialog>
  `;
}
