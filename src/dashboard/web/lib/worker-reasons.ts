import type { WorkerView } from '../../api/api.js';
import { formatDuration, formatExit, plural } from './format.js';

/** What an operator should know about a worker at a glance, in sentences. */
export function reasonsOf(worker: WorkerView): readonly string[] {
  const throttled = worker.gpu_throttle_reasons ?? [];
  const errors = worker.gpu_ecc_uncorrected ?? 0;
  const isAway = worker.activity === 'away';
  const exit = worker.status === 'restarting' && worker.status_reason === null ? worker.last_exit : null;
  const reasons = [
    isAway
      ? `No heartbeat for ${formatDuration(worker.heartbeat_age)}: its machine or its supervisor does not run.`
      : worker.status_reason,
    exit === null || exit.planned ? null : `Its process ended: ${formatExit(exit)}.`,
    worker.gpu_index !== null && worker.provider === 'cpu' ? fallbackReason(worker) : null,
    throttled.length > 0 && !isAway ? `Throttled: ${throttled.join(', ')}` : null,
    errors > 0 ? plural(errors, 'uncorrected ECC error') : null,
    worker.gpu_xid === null ? null : `The kernel log has Xid ${worker.gpu_xid} of this GPU.`,
  ];
  return reasons.filter((reason) => reason !== null);
}

/** Why a worker on a GPU computes on the CPU. */
function fallbackReason({ provider_refusals: refusals }: WorkerView): string {
  const [first] = refusals;
  const sentence = 'Computes on the CPU instead of the GPU';
  return first === undefined ? `${sentence}.` : `${sentence}: ${first.provider}: ${first.reason}`;
}
