import { html } from '/vendor/preact.js';
import type { Activity } from '../../api/api.js';
import { WORKER_STATE_WORDS, type WorkerState } from '../lib/worker-state.js';
import { Icon, type IconName } from './icons.js';

interface WorkerStateBadgeProps {
  readonly state: WorkerState;
  /** The colour. */
  readonly activity: Activity;
  /** How many workers are in this state; one worker's own badge has none. */
  readonly count?: number;
}

const ICONS: Readonly<Record<WorkerState, IconName>> = {
  failed: 'trouble',
  lost: 'trouble',
  stalled: 'trouble',
  restarting: 'restart',
  searching: 'search',
  indexing: 'working',
  idle: 'idle',
  paused: 'pause',
  starting: 'resume',
  draining: 'working',
  offline: 'offline',
};

export function WorkerStateBadge({ state, activity, count }: WorkerStateBadgeProps) {
  const word = WORKER_STATE_WORDS[state];
  return html`
    <span class="badge ${activity}">
      <${Icon} name=${ICONS[state]} />
      ${count === undefined ? word : html`<strong>${count}</strong> ${word.toLowerCase()}`}
    </span>
  `;
}
