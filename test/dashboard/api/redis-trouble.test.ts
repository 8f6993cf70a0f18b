import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type DashboardHarness, eventsOf, startDashboardHarness } from '../../support/dashboard-harness.js';

describe('a dashboard whose Redis goes away', () => {
  let dashboard: DashboardHarness;
  beforeAll(async () => {
    dashboard = await startDashboardHarness();
  });
  afterAll(() => dashboard.stop());

  it('says so at once, lives on, and shows the fleet again when it is back', async () => {
    const news = eventsOf(await dashboard.fetch('/api/events'));
    await news.next();
    await dashboard.server.halt();
    for await (const { event, data } of news) {
      if (event !== 'trouble') continue;
      expect(data).toMatchObject({ error: { code: 'REDIS_AWAY' } });
      break;
    }
    for (const path of ['/api/workers', '/api/searches/1', '/metrics', '/api/galleries', '/readyz']) {
      const response = await dashboard.fetch(path);
      expect(response.status).toBe(503);
      expect(await response.json()).toMatchObject({ error: { code: 'REDIS_AWAY' } });
    }
    for await (const { event } of eventsOf(await dashboard.fetch('/api/events')))
      if (event === 'trouble') break;
    expect((await dashboard.fetch('/healthz')).status).toBe(200);
    await dashboard.server.start();
    await vi.waitFor(async () => expect((await dashboard.fetch('/readyz')).status).toBe(200), 20_000);
    for await (const { event } of eventsOf(await dashboard.fetch('/api/events')))
      if (event === 'fleet') break;
  });
});
