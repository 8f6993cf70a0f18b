import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

const TOKEN = 'correct horse battery staple';

let dashboard: DashboardHarness;

/** With headers that a browser's fetch does not let a page set. */
function statusOf(
  url: string,
  { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> },
): Promise<number> {
  return new Promise((resolve, reject) => {
    request(url, { method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

const withToken = (token: string): Promise<Response> =>
  dashboard.fetch('/api/workers', { headers: { authorization: `Bearer ${token}` } });

const statusAs = (host: string) => statusOf(`${dashboard.url}/api/workers`, { headers: { host } });

describe('a dashboard with a token', () => {
  beforeAll(async () => {
    dashboard = await startDashboardHarness({ DASHBOARD_TOKEN: TOKEN });
  });
  afterAll(() => dashboard.stop());

  it.each([
    ['GET', '/api/workers'],
    ['GET', '/api/events'],
    ['POST', '/api/workers/host_gpu0/pause'],
    ['POST', '/api/searches'],
    ['GET', '/api/searches/1'],
    ['GET', '/api/searches/1/photos/0'],
    ['DELETE', '/api/searches/1'],
    ['GET', '/api/queues/search/jobs?state=failed'],
    ['DELETE', '/api/queues/search/jobs/1'],
    ['GET', '/api/galleries'],
    ['DELETE', '/api/galleries/Day-1'],
    ['GET', '/metrics'],
  ])('refuses %s %s without it', async (method, path) => {
    const response = await dashboard.fetch(path, { method });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { code: 'UNAUTHORIZED' } });
  });

  it.each(['/board', '/board/api/queues', '/board/static/css/x.css'])(
    'refuses the board at %s',
    async (path) => {
      expect((await dashboard.fetch(path)).status).toBe(401);
    },
  );

  it('takes it as a bearer token, and no other', async () => {
    expect((await withToken(TOKEN)).status).toBe(200);
    expect((await withToken(`${TOKEN}r`)).status).toBe(401);
    expect((await withToken('')).status).toBe(401);
  });

  it('gives a browser a session that scripts cannot read and other sites cannot use', async () => {
    const login = await dashboard.send('POST', '/api/session', { token: TOKEN });
    expect(login.status).toBe(204);
    const cookie = login.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict/);
    expect(cookie).not.toContain(TOKEN);
    const [session = ''] = cookie.split(';');
    const admitted = await dashboard.fetch('/api/session', { headers: { cookie: `a=b; ${session}` } });
    expect(await admitted.json()).toMatchObject({ admitted: true, token_required: true });
    expect((await dashboard.fetch('/api/workers', { headers: { cookie: session } })).status).toBe(200);
    expect((await dashboard.fetch('/api/workers', { headers: { cookie: `${session}x` } })).status).toBe(401);
  });

  it('marks the session for TLS alone where a proxy on this machine says so', async () => {
    const login = await dashboard.fetch('/api/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
      body: JSON.stringify({ token: TOKEN }),
    });
    expect(login.headers.get('set-cookie')).toMatch(/; Secure$/);
  });

  it('takes the session away again', async () => {
    const response = await dashboard.send('DELETE', '/api/session');
    expect(response.headers.get('set-cookie')).toMatch(/=; .*Max-Age=0/);
  });

  it.each([{ token: 'wrong' }, { token: 5 }, {}, [], null])('refuses a login with %j', async (body) => {
    const response = await dashboard.send('POST', '/api/session', body);
    expect([400, 401]).toContain(response.status);
  });

  it('shows the page and its health to everybody', async () => {
    for (const path of ['/', '/style.css', '/app/main.js', '/vendor/preact.js', '/healthz', '/readyz']) {
      expect((await dashboard.fetch(path)).status).toBe(200);
    }
    expect(await (await dashboard.fetch('/api/session')).json()).toMatchObject({ admitted: false });
  });

  it('limits wrong bearer tokens, and then confirms no guess either', async () => {
    const statuses = [];
    for (let i = 0; i < 12; i += 1) statuses.push((await withToken(`guess number ${i}`)).status);
    expect(statuses[0]).toBe(401);
    expect(statuses.at(-1)).toBe(429);
    expect((await withToken(TOKEN)).status).toBe(429);
  });

  it('limits wrong tokens at the login', async () => {
    const statuses = new Set<number>();
    for (let i = 0; i < 12; i += 1) {
      statuses.add((await dashboard.send('POST', '/api/session', { token: `guess number ${i}` })).status);
    }
    expect(statuses).toContain(429);
    const refused = await dashboard.send('POST', '/api/session', { token: TOKEN });
    expect(await refused.json()).toMatchObject({
      error: {
        code: 'RATE_LIMITED',
        message: expect.stringMatching(/^At most 10 of these requests a minute; try again in/),
      },
    });
  });
});

describe('a dashboard without a token', () => {
  beforeAll(async () => {
    dashboard = await startDashboardHarness();
  });
  afterAll(() => dashboard.stop());

  it('refuses what another site asks for from an operator’s browser', async () => {
    const url = `${dashboard.url}/api/workers/host_gpu0/pause`;
    const post = (headers: Record<string, string>) => statusOf(url, { method: 'POST', headers });
    expect(await post({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await post({ 'sec-fetch-site': 'same-site' })).toBe(403);
    expect(await post({ origin: 'http://evil.example' })).toBe(403);
    expect(await post({ origin: 'null' })).toBe(403);
    // 404: it was let in, and there is no such worker.
    expect(await post({ 'sec-fetch-site': 'same-origin' })).toBe(404);
    expect(await post({ origin: dashboard.url })).toBe(404);
    expect(await post({})).toBe(404);
  });

  it('answers to this machine’s own names alone', async () => {
    expect(await statusAs('evil.example')).toBe(403);
    const forged = { host: 'evil.example', 'x-forwarded-host': 'localhost' };
    expect(await statusOf(`${dashboard.url}/api/workers`, { headers: forged })).toBe(403);
    expect(await statusAs('localhost:3000')).toBe(200);
    expect(await statusAs('127.0.0.1:3000')).toBe(200);
    expect(await statusAs('[::1]:3000')).toBe(200);
  });

  it('takes no form that a page of another site can send unasked', async () => {
    const response = await dashboard.fetch('/api/searches', {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{"stage":"Day-1"}',
    });
    expect(response.status).toBe(415);
    expect(await response.json()).toMatchObject({ error: { code: 'UNSUPPORTED_MEDIA_TYPE' } });
  });

  it('lets its page load nothing from elsewhere and run no inline script', async () => {
    const page = await dashboard.fetch('/');
    const policy = page.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    expect(page.headers.get('x-content-type-options')).toBe('nosniff');
    expect(await page.text()).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|<style|style=/);
  });

  it.each([
    '/../package.json',
    '/%2e%2e/package.json',
    '/app/../../shared/config.js',
    '/vendor/../../package.json',
  ])('has no file at %s', async (path) => {
    const { port } = new URL(dashboard.url);
    const status = await new Promise<number>((resolve, reject) => {
      // As it is, where `fetch` would tidy it up.
      request({ host: '127.0.0.1', port, path }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .once('error', reject)
        .end();
    });
    expect([400, 403, 404]).toContain(status);
  });
});
