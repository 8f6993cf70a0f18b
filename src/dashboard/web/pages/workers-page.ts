import { html } from '/vendor/preact.js';
import type { Ask } from '../components/confirm-dialog.js';
import { FleetSummaryLine } from '../components/fleet-summary-line.js';
import { groupByMachine } from '../lib/fleet-summary.js';
import type { LiveState } from '../lib/live-state.js';
import { MachineGroup } from '../components/machine-group.js';
import type { Attempt } from '../components/notices.js';

interface WorkersPageProps {
  readonly live: LiveState;
  readonly ask: Ask;
  readonly attempt: Attempt;
}

/** All workers of the fleet, grouped by machine. */
export function WorkersPage({ live, ask, attempt }: WorkersPageProps) {
  const { fleet, history } = live;
  if (fleet === null) return html`<p class="empty" role="status">Loading…</p>`;
  const machines = groupByMachine(fleet.workers);
  return html`
    <h1 class="unseen">Workers</h1>
    <${FleetSummaryLine} fleet=${fleet} samples=${history.fleet} machines=${machines.length} />
    ${
      machines.length === 0 &&
      html`
        <div class="empty" data-testid="no-workers">
          <p>No worker has registered yet.</p>
          <p>Start one with <code>node dist/supervisor.js</code></p>
        </div>
      `
    }
    ${machines.map(
      (machine) => html`
        <${MachineGroup}
          key=${machine.hostname}
          machine=${machine}
          at=${fleet.at}
          history=${history.workers}
          ask=${ask}
          attempt=${attempt}
        />
      `,
    )}
  `;
}
