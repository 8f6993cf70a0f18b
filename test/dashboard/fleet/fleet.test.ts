import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetEvent, HistoryEvent } from '../../../src/dashboard/api/api.js';
import { NO_SEARCHES, observeSearch } from '../../../src/shared/durations.js';
import { restartChannel, workerPausedKey } from '../../../src/shared/redis-keys.js';
import { type DashboardHarness, eventsOf, startDashboardHarness } from '../../support/dashboard-harness.js';
import { defer } from '../../support/deferred.js';
import { workerRecord } from '../../support/worker-record.js';

let dashboard: DashboardHarness;
beforeAll(async () => {
  dashboard = await startDashboardHarness();
  await dashboard.register(
    workerRecord(),
    workerRecord({ id: 'host_gpu1', gpu_index: 1, current_job: '7', current_job_progress: 40 }),
    workerRecord({ id: 'other_cpu0', hostname: 'other', last_heartbeat: 1000 }),
  );
});
afterAll(() => dashboard.stop());

describe('the workers over HTTP', () => {
  it('are all of the fleet, with what they are at', async () => {
    const { workers } = (await (await dashboard.fetch('/api/workers')).json()) as { workers: object[] };
    expect(workers).toMatchObject([
      { id: 'host_gpu0', status: 'online', activity: 'idle', gpu_temperature: 55 },
      { id: 'host_gpu1', activity: 'busy', current_job: '7' },
      { id: 'other_cpu0', status: 'offline', activity: 'away' },
    ]);
    // Nothing of the record is lost on the way.
    expect(workers[0]).toMatchObject(
      workerRecord({ last_heartbeat: expect.any(Number), start_time: expect.any(Number) }),
    );
  });

  it('are told live: what was, then what is', async () => {
    const news = eventsOf(await dashboard.fetch('/api/events'));
    const history = (await news.next()).value as { event: string; data: HistoryEvent };
    expect(history.event).toBe('history');
    for await (const { event, data } of news) {
      const { workers, queues } = data as FleetEvent;
      expect(event).toBe('fleet');
      if (workers.length === 0) continue;
      expect(workers.map(({ id }) => id)).toEqual(['host_gpu0', 'host_gpu1', 'other_cpu0']);
      expect(queues.map(({ kind, name }) => [kind, name])).toEqual([
        ['search', 'face-search'],
        ['index', 'face-index'],
      ]);
      break;
    }
  });

  it('are paused and resumed one by one, or with their machine', async () => {
    const isPaused = async (id: string) => (await dashboard.redis.get(workerPausedKey(id))) === '1';
    const one = await dashboard.send('POST', '/api/workers/host_gpu1/pause');
    expect(one.status).toBe(202);
    expect(await one.json()).toEqual({ workers: ['host_gpu1'] });
    expect([await isPaused('host_gpu0'), await isPaused('host_gpu1')]).toEqual([false, true]);
    const machine = await dashboard.send('POST', '/api/machines/host/pause');
    expect(await machine.json()).toEqual({ workers: ['host_gpu0', 'host_gpu1'] });
    expect([await isPaused('host_gpu0'), await isPaused('host_gpu1')]).toEqual([true, true]);
    expect(await isPaused('other_cpu0')).toBe(false);
    await dashboard.send('POST', '/api/machines/host/resume');
    expect([await isPaused('host_gpu0'), await isPaused('host_gpu1')]).toEqual([false, false]);
  });

  it('are restarted by their supervisor', async () => {
    const heard = [defer<string>(), defer<string>()];
    const supervisor = dashboard.redis.duplicate();
    let next = 0;
    supervisor.on('message', (_channel, message) => heard[next++]?.resolve(message));
    await supervisor.subscribe(restartChannel('host', { db: 0, prefix: 'bull' }));
    expect((await dashboard.send('POST', '/api/workers/host_gpu1/restart')).status).toBe(202);
    expect(await heard[0]?.promise).toBe('host_gpu1');
    expect((await dashboard.send('POST', '/api/machines/host/restart')).status).toBe(202);
    expect(await heard[1]?.promise).toBe('');
    supervisor.disconnect();
  });

  it('are not restarted where no supervisor would hear of it', async () => {
    const response = await dashboard.send('POST', '/api/workers/other_cpu0/restart');
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({
      error: { code: 'NO_SUPERVISOR', message: expect.stringContaining('node dist/supervisor.js') },
    });
  });

  it.each(['/api/workers/nobody/pause', '/api/machines/nowhere/restart'])(
    'are not found at %s',
    async (path) => {
      const response = await dashboard.send('POST', path);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    },
  );
});

const scrape = async (): Promise<string[]> => {
  const response = await dashboard.fetch('/metrics');
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0.0.4/);
  return (await response.text()).split('\n');
};

describe('the metrics', () => {
  it('tell of every worker, in base units', async () => {
    await dashboard.register(
      workerRecord({ gpu_throttle_reasons: ['power cap'], gpu_xid: 79, oom_halved: 3 }),
    );
    const lines = await scrape();
    const gpu = 'worker="host_gpu0",hostname="host",gpu="0",uuid="GPU-0",model="NVIDIA H100"';
    expect(lines).toEqual(
      expect.arrayContaining([
        'face_search_worker_up{worker="host_gpu0",hostname="host"} 1',
        'face_search_worker_status{worker="host_gpu0",hostname="host",status="online"} 1',
        'face_search_worker_jobs_total{worker="host_gpu0",hostname="host",outcome="completed"} 12',
        'face_search_worker_jobs_total{worker="host_gpu0",hostname="host",outcome="failed"} 1',
        'face_search_worker_busy{worker="host_gpu1",hostname="host"} 1',
        'face_search_worker_out_of_memory_total{worker="host_gpu0",hostname="host",step="halved"} 3',
        `face_search_gpu_utilization_ratio{${gpu}} 0.4`,
        `face_search_gpu_memory_used_bytes{${gpu}} 1073741824`,
        `face_search_gpu_temperature_celsius{${gpu}} 55`,
        `face_search_gpu_power_watts{${gpu}} 120`,
        `face_search_gpu_throttled{${gpu},reason="power cap"} 1`,
        `face_search_gpu_xid{${gpu}} 79`,
        'face_search_host_cpu_ratio{hostname="host"} 0.1',
        'face_search_queue_jobs{queue="face-search",state="waiting"} 0',
      ]),
    );
  });

  it('show no old figure of a worker that is offline, and that it is', async () => {
    const lines = await scrape();
    const offline = lines.filter((line) => line.includes('other_cpu0'));
    expect(offline).toEqual([
      'face_search_worker_up{worker="other_cpu0",hostname="other"} 0',
      'face_search_worker_status{worker="other_cpu0",hostname="other",status="offline"} 1',
      'face_search_worker_heartbeat_timestamp_seconds{worker="other_cpu0",hostname="other"} 1000',
    ]);
  });

  it('leave out what is not known', async () => {
    await dashboard.register(workerRecord({ gpu_utilization: null, gpu_xid: null }));
    const lines = await scrape();
    expect(
      lines.filter((line) => /^face_search_gpu_(utilization_ratio|xid)\{worker="host_gpu0"/.test(line)),
    ).toEqual([]);
  });

  it('count the parts of searches in cumulative buckets', async () => {
    const durations = [0.04, 0.04, 1000].reduce(
      (histograms, total) =>
        observeSearch(histograms, { wait: 0, selfie: 0.02, gallery: 0.01, run: 0.03, total }),
      NO_SEARCHES,
    );
    await dashboard.register(workerRecord({ durations }));
    const total = (await scrape()).filter((line) =>
      /^face_search_search_duration_seconds_\w+\{worker="host_gpu0",hostname="host",stage="total"/.test(line),
    );
    const labels = 'worker="host_gpu0",hostname="host",stage="total"';
    expect(total).toContain(`face_search_search_duration_seconds_bucket{${labels},le="0.03"} 0`);
    expect(total).toContain(`face_search_search_duration_seconds_bucket{${labels},le="0.05"} 2`);
    expect(total).toContain(`face_search_search_duration_seconds_bucket{${labels},le="300"} 2`);
    expect(total).toContain(`face_search_search_duration_seconds_bucket{${labels},le="+Inf"} 3`);
    expect(total).toContain(`face_search_search_duration_seconds_count{${labels}} 3`);
    expect(total).toContain(`face_search_search_duration_seconds_sum{${labels}} 1000.08`);
  });

  it('take the record of a worker of an older release', async () => {
    const { durations, gpu_xid: _xid, ...older } = workerRecord({ id: 'old_gpu0' });
    expect(durations).toBe(NO_SEARCHES);
    await dashboard.redis.hset('workers', 'old_gpu0', JSON.stringify(older));
    expect(await scrape()).toContain('face_search_worker_up{worker="old_gpu0",hostname="host"} 1');
    expect((await dashboard.fetch('/api/workers')).status).toBe(200);
    await dashboard.redis.hdel('workers', 'old_gpu0');
  });
});
