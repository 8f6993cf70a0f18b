import { html, useRef, useState } from '/vendor/preact.js';
import type { ApiProblem } from '../../api/api.js';
import { problemOf } from '../lib/api-client.js';

interface Notice {
  readonly id: number;
  readonly text: string;
  readonly problem: ApiProblem | null;
}

/** Runs `work` and shows its outcome. Resolves to whether it succeeded. */
export type Attempt = <T>(work: () => Promise<T>, done: (result: T) => string) => Promise<boolean>;

const SHOWN_MS = 6000;

/** Short messages in a corner about the user's last actions. Screen readers read them aloud. */
export function useNotices(): { readonly attempt: Attempt; readonly notices: unknown } {
  const [shown, setShown] = useState<readonly Notice[]>([]);
  const lastId = useRef(0);
  const dismiss = (id: number) => setShown((all) => all.filter((notice) => notice.id !== id));
  const show = (text: string, problem: ApiProblem | null) => {
    lastId.current += 1;
    const id = lastId.current;
    setShown((all) => [...all.slice(-3), { id, text, problem }]);
    // An error stays until the user dismisses it.
    if (problem === null) setTimeout(() => dismiss(id), SHOWN_MS);
  };
  const attempt: Attempt = async (work, done) => {
    try {
      show(done(await work()), null);
      return true;
    } catch (error) {
      const problem = problemOf(error);
      show(problem.message, problem);
      return false;
    }
  };
  const notices = html`
    <div class="notices" role="status" aria-live="polite" data-testid="notices">
      ${shown.map(
        ({ id, text, problem }) => html`
          <div key=${id} class=${problem === null ? 'notice' : 'notice problem'}>
            <p>${text} ${problem && html`<code>${problem.code}</code>`}</p>
            <button type="button" class="quiet" aria-label="Dismiss" onClick=${() => dismiss(id)}>✕</button>
          </div>
        `,
      )}
    </div>
  `;
  return { attempt, notices };
}
