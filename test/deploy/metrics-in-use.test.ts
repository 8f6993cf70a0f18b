import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { viewWorker } from '../../src/dashboard/fleet/activity.js';
import { writeMetrics } from '../../src/dashboard/fleet/metrics.js';
import { workerRecord } from '../support/worker-record.js';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): Promise<string> => readFile(path.join(root, file), 'utf8');
const namesIn = (text: string): Set<string> => new Set(text.match(/\bface_search_\w+/g));

let exported: Set<string>;
beforeAll(async () => {
  const record = workerRecord({ gpu_throttle_reasons: ['power cap'], gpu_xid: 79 });
  const counts = { waiting: 0, waiting_for_index: 0, active: 0, delayed: 0, completed: 0, failed: 0 };
  exported = namesIn(
    await writeMetrics({
      at: 0,
      workers: [viewWorker({ record, status: record.status, ageS: 1 })],
      queues: [{ kind: 'search', name: 'face-search', paused: false, counts }],
    }),
  );
});

describe.each(['deploy/prometheus-alerts.yml', 'deploy/grafana-dashboard.json'])('%s', (file) => {
  it('asks for metrics that there are', async () => {
    const asked = namesIn(await read(file));
    expect(asked.size).toBeGreaterThan(8);
    expect([...asked].filter((name) => !exported.has(name))).toEqual([]);
  });
});

describe('the table of metrics', () => {
  it('names every metric, and no other', async () => {
    const documented = namesIn(await read('docs/dashboard.md'));
    const families = [...exported].map((name) =>
      name.replace(/(duration_seconds)_(bucket|sum|count)$/, '$1'),
    );
    expect([...documented].toSorted()).toEqual([...new Set(families)].toSorted());
  });
});
