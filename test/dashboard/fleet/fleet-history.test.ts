import { describe, expect, it } from 'vitest';
import { viewWorker } from '../../../src/dashboard/fleet/activity.js';
import type { WorkerView } from '../../../src/dashboard/api/api.js';
import { createFleetHistory } from '../../../src/dashboard/fleet/fleet-history.js';
import type { FleetMoment } from '../../../src/dashboard/fleet/fleet-moment.js';
import { NO_SEARCHES, observeSearch } from '../../../src/shared/durations.js';
import type { WorkerRecord } from '../../../src/shared/worker-record.js';
import { workerRecord } from '../../support/worker-record.js';

const view = (changes: Partial<WorkerRecord>): WorkerView => {
  const record = workerRecord(changes);
  return viewWorker({ record, status: record.status, ageS: 1 });
};
const moment = (at: number, ...workers: WorkerView[]): FleetMoment => ({ at, workers, queues: [] });
const running = (seconds: number, count: number) =>
  Array.from({ length: count }).reduce<typeof NO_SEARCHES>(
    (histograms) =>
      observeSearch(histograms, { wait: 0, selfie: 0, gallery: 0, run: seconds, total: seconds }),
    NO_SEARCHES,
  );

describe('the last minutes of a fleet', () => {
  it('count what has ended since the sample before, and nothing of what was before the first', () => {
    const history = createFleetHistory();
    expect(history.add(moment(0, view({ jobs_processed: 100 }))).fleet).toMatchObject({ done: 0, p50: null });
    const second = history.add(
      moment(5, view({ jobs_processed: 104, jobs_failed: 3, durations: running(1.25, 4) })),
    );
    expect(second.fleet).toMatchObject({ at: 5, done: 4, failed: 2 });
    expect(second.fleet.p50).toBeCloseTo(1.25);
    expect(
      history.add(moment(10, view({ jobs_processed: 104, jobs_failed: 3, durations: running(1.25, 4) })))
        .fleet,
    ).toMatchObject({ done: 0, failed: 0, p50: null });
  });

  it('go on when a supervisor starts anew and counts from zero', () => {
    const history = createFleetHistory();
    history.add(moment(0, view({ jobs_processed: 100, jobs_failed: 0 })));
    expect(history.add(moment(5, view({ jobs_processed: 2, jobs_failed: 0 }))).fleet.done).toBe(2);
  });

  it('take a worker that appears for new, not for one that has done all its work at once', () => {
    const history = createFleetHistory();
    history.add(moment(0, view({})));
    expect(history.add(moment(5, view({}), view({ id: 'b_gpu0', jobs_processed: 5000 }))).fleet.done).toBe(0);
  });

  it('show the processor where there is no GPU, and nothing of a worker that is away', () => {
    const history = createFleetHistory();
    const { workers } = history.add(
      moment(
        0,
        view({ id: 'a_cpu0', gpu_uuid: null, process_cpu_percent: 7, rss_mb: 300, gpu_temperature: null }),
        view({ id: 'b_gpu0', status: 'offline' }),
      ),
    );
    expect(workers['a_cpu0']).toEqual({
      at: 0,
      utilization: 7,
      memory_used_mb: 300,
      temperature: null,
      done: 12,
    });
    expect(workers['b_gpu0']).toMatchObject({ utilization: null, memory_used_mb: null, temperature: null });
  });

  it('are ten minutes, and forget workers that are no longer registered', () => {
    const history = createFleetHistory();
    for (let i = 0; i < 130; i += 1) history.add(moment(i * 5, view({}), view({ id: 'b_gpu0' })));
    expect(history.all().fleet).toHaveLength(120);
    expect(history.all().fleet[0]?.at).toBe(50);
    expect(history.all().workers['b_gpu0']).toHaveLength(120);
    history.add(moment(700, view({})));
    expect(Object.keys(history.all().workers)).toEqual(['host_gpu0']);
  });
});
