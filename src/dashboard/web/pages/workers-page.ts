import { html } from '/vendor/preact.js';
import type { Ask } from './confirm-dialog.js';
import { FleetSummary } from './fleet-summary-line.js';
import { groupByMachine } from './fleet-summary.js';
import type { LiveState } from './live-state.js';
import { MachineGroup } from './machine-group.js';
import type { Attempt } from './notices.js';

interface WorkersPageProps {
  readonly live: LiveState;
  readonly ask: Ask;
  readonly attempt: Attempt;
}

/** Every worker of the fleet, by machine. */
export function WorkersPage({ live, ask, attempt }: WorkersPageProps) {
  const { fleet, history } = live;
  if (fleet === null) return html`<p class="empty" role="status">Waiting for the fleet's figures…</p>`;
  const machines = groupByMachine(fleet.workers);
  return html`
    <h1 class="unseen">Workers</h1>
    <${FleetSummary} fleet=${fleet} samples=${history.fleet} machines=${machines.length} />
    ${
      machines.length === 0 &&
      html`
        <div class="empty" data-testid="no-workers">
          <p>No worker has ever registered here.</p>
          <p>Start one with: <code>node dist/supervisor.js</code></p>
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
