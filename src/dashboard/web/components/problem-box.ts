import { html } from '/vendor/preact.js';
import type { ApiProblem } from '../../api/api.js';
import { Icon } from './icons.js';

interface ProblemBoxProps {
  readonly title?: string;
  readonly problem: ApiProblem;
  readonly retry?: () => void;
  readonly testid?: string;
}

/** A problem: its sentence, and its code in small print. */
export function ProblemBox({ title, problem, retry, testid }: ProblemBoxProps) {
  return html`
    <div class="problem-box" role="alert" data-testid=${testid}>
      <${Icon} name="trouble" />
      <div>
        ${title !== undefined && html`<strong>${title}</strong>`}
        <p>${problem.message} <code>${problem.code}</code></p>
        ${retry !== undefined && html`<button type="button" onClick=${retry}>Try again</button>`}
      </div>
    </div>
  `;
}
