import { html } from '/vendor/preact.js';
import type { FleetEvent } from '../../api/api.js';
import type { Ask } from '../components/confirm-dialog.js';
import { FleetSummaryLine } from '../components/fleet-summary-line.js';
import { countModelPacks, groupByMachine } from '../lib/fleet-summary.js';
import type { LiveState } from '../lib/live-state.js';
import { Icon } from '../components/icons.js';
import { MachineGroup } from '../components/machine-group.js';
import type { Attempt } from '../components/notices.js';
import { PausedNotice } from '../components/paused-notice.js';

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
    <${PausedNotice} queues=${fleet.queues} />
    <${FleetSummaryLine} fleet=${fleet} samples=${history.fleet} machines=${machines.length} />
    <${ModelPackWarning} fleet=${fleet} />
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

function ModelPackWarning({ fleet }: { readonly fleet: FleetEvent }) {
  const packs = countModelPacks(fleet.workers);
  if (packs.length < 2) return null;
  const list = packs.map(({ pack, count }) => `${pack} (${count})`).join(', ');
  return html`
    <p class="reason" data-testid="model-pack-warning">
      <${Icon} name="trouble" />
      <span>
        The workers run different model packs: ${list}. Each pack has its own scores and its own index, so
        photos are indexed once for each pack. Set the same MODEL_PACK on all machines.
      </span>
    </p>
  `;
}
