import type { SeenWorker } from '../../shared/fleet-records.js';
import type { Activity, WorkerView } from '../api/api.js';

/** The status at a glance. */
export function activityOf({ record, status }: SeenWorker): Activity {
  switch (status) {
    case 'online':
      return record.current_job === null ? 'idle' : 'busy';
    case 'stalled':
    case 'failed':
    case 'lost':
      return 'trouble';
    case 'restarting':
      // A planned restart ends by itself; a crash may repeat.
      return record.last_exit !== null && !record.last_exit.planned ? 'trouble' : 'waiting';
    case 'paused':
    case 'starting':
    case 'draining':
      return 'waiting';
    case 'offline':
      return 'away';
  }
}

export function viewWorker(seen: SeenWorker): WorkerView {
  return {
    ...seen.record,
    status: seen.status,
    activity: activityOf(seen),
    heartbeat_age: Math.round(seen.ageS * 10) / 10,
  };
}
