import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { JobDetails } from '../../../src/dashboard/api/api.js';
import type { Access } from '../../../src/dashboard/http/access.js';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

const FULL = 'correct horse battery staple';
const READ = 'another horse that only looks';

/** Who may use which route: every route must be here. */
const ROUTES: readonly (readonly [route: string, access: Access])[] = [
  ['GET /healthz', 'open'],
  ['GET /readyz', 'open'],
  ['GET /api/session', 'open'],
  ['POST /api/session', 'open'],
  ['DELETE /api/session', 'open'],
  ['GET /metrics', 'read'],
  ['GET /api/events', 'read'],
  ['GET /api/workers', 'read'],
  ['GET /api/queues/{kind}/jobs', 'read'],
  ['GET /api/queues/{kind}/jobs/{id}', 'read'],
  ['GET /api/galleries', 'read'],
  ['GET /api/galleries/{stage}', 'read'],
  ['POST /api/workers/{id}/pause', 'full'],
  ['POST /api/workers/{id}/resume', 'full'],
  ['POST /api/workers/{id}/restart', 'full'],
  ['POST /api/machines/{hostname}/pause', 'full'],
  ['POST /api/machines/{hostname}/resume', 'full'],
  ['POST /api/machines/{hostname}/restart', 'full'],
  ['POST /api/searches', 'full'],
  ['GET /api/searches/{id}', 'full'],
  ['DELETE /api/searches/{id}', 'full'],
  ['GET /api/searches/{id}/events', 'full'],
  ['GET /api/searches/{id}/photos/{rank}', 'full'],
  ['POST /api/queues/{kind}/jobs/{id}/retry', 'full'],
  ['DELETE /api/queues/{kind}/jobs/{id}', 'full'],
  ['POST /api/galleries/{stage}/index', 'full'],
  ['DELETE /api/galleries/{stage}', 'full'],
  ['GET /api/opt-outs', 'full'],
  ['DELETE /api/opt-outs/{id}', 'full'],
];
/** Routes that the OpenAPI document leaves out. */
const HIDDEN: readonly (readonly [route: string, access: Access])[] = [
  ['GET /', 'open'],
  ['GET /style.css', 'open'],
  ['GET /app/main.js', 'open'],
  ['GET /vendor/preact.js', 'open'],
  ['GET /api/openapi.json', 'open'],
  ['GET /api/nothing', 'open'],
  ['GET /board', 'full'],
  ['GET /board/queue/face-search', 'full'],
  ['GET /board/api/queues', 'full'],
  ['GET /board/static/css/x.css', 'full'],
  ['PUT /board/api/queues/face-search/pause', 'full'],
];

let dashboard: DashboardHarness;
beforeAll(async () => {
  dashboard = await startDashboardHarness({ DASHBOARD_TOKEN: FULL, DASHBOARD_READ_TOKEN: READ });
});
afterAll(() => dashboard.stop());

async function statusOf(method: string, route: string, token: string | null): Promise<number> {
  const aborting = new AbortController();
  const url = route
    .replace('{kind}', 'search')
    .replace('{rank}', '0')
    .replaceAll(/\{\w+\}/g, 'none');
  const response = await dashboard.fetch(url, {
    method,
    signal: aborting.signal,
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
  });
  aborting.abort();
  return response.status;
}

const login = async (token: string): Promise<string> => {
  const response = await dashboard.send('POST', '/api/session', { token });
  return (response.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
};

describe('the access to the routes', () => {
  it('is decided for every route', async () => {
    const { paths } = (await (await dashboard.fetch('/api/openapi.json')).json()) as {
      paths: Record<string, Record<string, unknown>>;
    };
    const routes = Object.entries(paths).flatMap(([url, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${url}`),
    );
    expect(routes.toSorted()).toEqual(ROUTES.map(([route]) => route).toSorted());
  });

  it.each([...ROUTES, ...HIDDEN])('to %s is %s', async (route, access) => {
    const [method = '', url = ''] = route.split(' ');
    // An event stream has no answer to HEAD.
    const hasHead = method === 'GET' && !url.endsWith('/events');
    for (const one of hasHead ? ['GET', 'HEAD'] : [method]) {
      const [anonymous, reader, full] = [
        await statusOf(one, url, null),
        await statusOf(one, url, READ),
        await statusOf(one, url, FULL),
      ];
      // A login without a token is refused as well.
      if (route !== 'POST /api/session') {
        expect(anonymous === 401).toBe(access !== 'open');
        expect([401, 403]).not.toContain(full);
      }
      expect(reader === 403).toBe(access === 'full');
    }
  });
});

describe('the read-only token', () => {
  it('gives a browser a session that may look', async () => {
    const cookie = await login(READ);
    const session = await dashboard.fetch('/api/session', { headers: { cookie } });
    expect(await session.json()).toMatchObject({ admitted: true, read_only: true, token_required: true });
    expect((await dashboard.fetch('/api/workers', { headers: { cookie } })).status).toBe(200);
    const pause = await dashboard.fetch('/api/workers/x/pause', { method: 'POST', headers: { cookie } });
    expect(pause.status).toBe(403);
    expect(await pause.json()).toMatchObject({ error: { code: 'FORBIDDEN' } });
    expect(await login(FULL)).not.toBe(cookie);
  });

  it('shows a job, but not in which photos the person was found', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', { image: 'QUFB', stage: 'Day-1' });
    await dashboard.redis.hset(`bull:face-search:${id}`, 'returnvalue', '[{"id":"secret.jpg","score":0.9}]');
    const read = async (token: string): Promise<JobDetails> =>
      (await (
        await dashboard.fetch(`/api/queues/search/jobs/${id}`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).json()) as JobDetails;
    expect((await read(FULL)).matches).toMatchObject([{ id: 'secret.jpg' }]);
    const seen = await read(READ);
    expect(seen).toMatchObject({ id, stage: 'Day-1', matches: null, details: null });
    expect(JSON.stringify(seen)).not.toContain('secret');
  });
});
