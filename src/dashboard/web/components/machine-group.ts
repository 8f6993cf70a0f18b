import { html } from '/vendor/preact.js';
import type { HistoryEvent } from '../../api/api.js';
import { commandMachine } from '../lib/api-client.js';
import type { Ask } from './confirm-dialog.js';
import type { MachineView } from '../lib/fleet-summary.js';
import { formatAgo, formatPercent, plural } from '../lib/format.js';
import { Icon } from './icons.js';
import type { Attempt } from './notices.js';
import { machineQuestion, sentWords } from './worker-actions.js';
import type { WorkerAction } from '../lib/worker-state.js';
import { useReadOnly } from '../hooks/read-only.js';
import { WorkerCard } from './worker-card.js';

interface MachineGroupProps {
  readonly machine: MachineView;
  /** The server's clock. */
  readonly at: number;
  readonly history: HistoryEvent['workers'];
  readonly ask: Ask;
  readonly attempt: Attempt;
}

const ACTIONS: readonly { action: WorkerAction; word: string }[] = [
  { action: 'pause', word: 'Pause all' },
  { action: 'resume', word: 'Resume all' },
  { action: 'restart', word: 'Restart all' },
];

/** One machine with its own figures and buttons, and its workers. */
export function MachineGroup({ machine, at, history, ask, attempt }: MachineGroupProps) {
  const { hostname, workers } = machine;
  const paused = workers.some(({ status }) => status === 'paused');
  const running = workers.some(({ status }) => status !== 'paused');
  const readOnly = useReadOnly();
  const offered = { pause: running, resume: paused, restart: true };
  const send = async (action: WorkerAction) => {
    if (!(await ask(machineQuestion(hostname, workers.length, action)))) return;
    await attempt(
      () => commandMachine(hostname, action),
      () => sentWords(hostname, action),
    );
  };
  return html`
    <section class="machine" aria-labelledby="machine-${hostname}" data-testid="machine-${hostname}">
      <header>
        <h2 id="machine-${hostname}">${hostname}</h2>
        <span class="faint">${plural(workers.length, 'worker')}</span>
        ${
          machine.offline
            ? html`<span class="faint">offline</span>`
            : html`
                <${HostMeter} name="CPU" percent=${machine.cpuPercent} />
                <${HostMeter} name="RAM" percent=${machine.ramPercent} />
              `
        }
        <div class="actions">
          ${
            !machine.offline &&
            !readOnly &&
            ACTIONS.filter(({ action }) => offered[action]).map(
              ({ action, word }) => html`
                <button
                  type="button"
                  class="quiet"
                  data-testid="${action}-machine-${hostname}"
                  aria-label="${word} workers of ${hostname}"
                  onClick=${() => send(action)}
                >
                  <${Icon} name=${action} />${word}
                </button>
              `,
            )
          }
        </div>
      </header>
      <${LastRoll} roll=${workers[0]?.last_roll ?? null} at=${at} />
      <div class="cards">
        ${workers.map(
          (worker) => html`
            <${WorkerCard}
              key=${worker.id}
              worker=${worker}
              at=${at}
              samples=${history[worker.id] ?? []}
              ask=${ask}
              attempt=${attempt}
            />
          `,
        )}
      </div>
    </section>
  `;
}

function HostMeter({ name, percent }: { readonly name: string; readonly percent: number | null }) {
  return html`
    <label class="host-meter">
      ${name}
      <meter min="0" max="100" low="75" high="90" optimum="0" value=${percent ?? 0}></meter>
      <span class="number">${formatPercent(percent)}</span>
    </label>
  `;
}

function LastRoll({
  roll,
  at,
}: {
  readonly roll: MachineView['workers'][number]['last_roll'];
  readonly at: number;
}) {
  if (roll === null || roll.outcome === 'done') return null;
  const words = { failed: 'failed', refused: 'was refused' };
  return html`
    <p class="reason">
      <${Icon} name="trouble" />
      <span>${rollSentence(roll.reason, words[roll.outcome], formatAgo(at - roll.at))}</span>
    </p>
  `;
}

function rollSentence(reason: string | null, outcome: string, ago: string): string {
  const sentence = `A rolling restart ${ago} ${outcome}`;
  return reason === null ? `${sentence}.` : `${sentence}: ${reason}`;
}
