import { request } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

const SELFIE = Buffer.from('an image').toString('base64');
const JSON_TYPE = 'application/json';
const FORM_TYPE = 'multipart/form-data; boundary=x';

let dashboard: DashboardHarness;
beforeAll(async () => {
  dashboard = await startDashboardHarness();
});
afterAll(() => dashboard.stop());

interface Answer {
  readonly status: number;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

/** Sends the path as it is, where `fetch` would tidy it up. */
function send(method: string, path: string, type?: string, body?: string): Promise<Answer> {
  const { port } = new URL(dashboard.url);
  return new Promise((resolve, reject) => {
    request(
      { host: '127.0.0.1', port, method, path, agent: false, headers: type ? { 'content-type': type } : {} },
      (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => {
          const parsed = (text.startsWith('{') ? JSON.parse(text) : {}) as { error?: Omit<Answer, 'status'> };
          const { code, message } = parsed.error ?? {};
          resolve({ status: response.statusCode ?? 0, code, message });
        });
      },
    )
      .once('error', reject)
      .end(body);
  });
}

const deep = (levels: number): string => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const search = (more: string): string => `{"image":"${SELFIE}","stage":"Day-1",${more}}`;
const part = (name: string, value: string, headers = ''): string =>
  `--x\r\nContent-Disposition: form-data; name="${name}"${headers}\r\n\r\n${value}\r\n`;
const selfie = part('image', 'abc', '; filename="a"');
const form = (...parts: string[]): string => `${parts.join('')}--x--\r\n`;

describe('a search request', () => {
  it.each([
    ['sets a prototype', '{"__proto__":{"image":"QUFB"},"stage":"Day-1"}'],
    ['sets a prototype deep inside', search('"x":{"y":[{"__proto__":{}}]}')],
    ['sets a constructor', search('"constructor":{"prototype":{}}')],
    ['nests in an unknown field', search(`"x":${deep(100)}`)],
    ['nests in an entry of the gallery', search(`"gallery":[{"id":"a","path":"b","x":${deep(100_000)}}]`)],
    ['nests a million levels', deep(1_000_000)],
    ['opens a million levels', '['.repeat(1_000_000)],
    ['is cut', '{"image":"'],
    ['is empty', ''],
    ['is null', 'null'],
    ['is a text', '"x"'],
    ['has an infinite uid', search('"uid":1e999')],
    ['has a uid that is an object', search('"uid":{}')],
    ['has a threshold that is a text', search('"threshold":"0.5"')],
    ['has an infinite limit', search('"limit":1e999')],
    ['has a stage that is a list', '{"image":"QUFB","stage":["a"]}'],
  ])('in JSON is refused if it %s', async (_, body) => {
    expect(await send('POST', '/api/searches', JSON_TYPE, body)).toMatchObject({
      status: 400,
      code: expect.stringMatching(/^(BAD_REQUEST|INVALID_JOB)$/),
    });
  });

  it.each([
    ['__proto__', 400, form(part('__proto__', 'x'), selfie)],
    ['constructor', 400, form(part('constructor', 'x'), selfie)],
    ['a field twice', 400, form(part('stage', 'a'), part('stage', 'b'), selfie)],
    ['17 files', 413, form(...Array<string>(17).fill(selfie))],
    ['30 fields', 413, form(...Array.from({ length: 30 }, (_, i) => part(`f${i}`, 'x')))],
    ['a field without a name', 400, form('--x\r\nContent-Disposition: form-data\r\n\r\nx\r\n')],
    ['a field of broken JSON', 400, form(part('stage', '{"a"', '\r\nContent-Type: application/json'))],
    ['a field of JSON', 400, form(part('stage', '{"a":1}', '\r\nContent-Type: application/json'), selfie)],
    ['a threshold that is no number', 400, form(part('stage', 'a'), part('threshold', 'x'), selfie)],
    ['nothing', 400, form()],
  ])('in a form is refused if it has %s', async (_, status, body) => {
    const answer = await send('POST', '/api/searches', FORM_TYPE, body);
    expect(answer.status).toBe(status);
    expect(answer.message).toMatch(/\w+ \w+.*\.$/);
  });

  it.each(['application/x-www-form-urlencoded', 'multipart/mixed; boundary=x', '???', undefined])(
    'of the type %s is refused with the types that are read',
    async (type) => {
      expect(await send('POST', '/api/searches', type, 'stage=a')).toMatchObject({
        status: 415,
        message: expect.stringContaining('multipart/form-data'),
      });
    },
  );
});

describe('another request', () => {
  it.each(['/api/session', '/api/workers/a/pause', '/api/galleries/a/index'])(
    'to %s has a small body',
    async (path) => {
      const body = JSON.stringify({ token: 'x'.repeat(100_000) });
      expect(await send('POST', path, JSON_TYPE, body)).toMatchObject({ status: 413, code: 'TOO_LARGE' });
    },
  );

  it.each([
    'state=failed&start=1&start=2',
    'state=failed&state=waiting',
    'state[]=failed',
    'state=failed&start=1e308',
    'state=failed&start=',
    'state=failed&start=null',
    'state=failed&count=0',
    'state=waiting_children',
    'state=constructor',
  ])('for a list is refused with ?%s', async (query) => {
    expect(await send('GET', `/api/queues/search/jobs?${query}`)).toMatchObject({
      status: 400,
      code: 'BAD_REQUEST',
    });
  });

  it.each(['__proto__', 'constructor', 'toString', 'Search'])('names no queue %s', async (kind) => {
    expect(await send('GET', `/api/queues/${kind}/jobs?state=failed`)).toMatchObject({ status: 400 });
    expect(await send('DELETE', `/api/queues/${kind}/jobs/1`)).toMatchObject({ status: 400 });
  });

  it.each([
    ['%', 400],
    ['%E0%A4%A', 400],
    ['%ff', 400],
    ['x'.repeat(5000), 414],
  ])('has a reason if its address cannot be read: %s', async (id, status) => {
    const answer = await send('GET', `/api/queues/search/jobs/${id}`);
    expect(answer.code).toBe('BAD_REQUEST');
    expect([status, 400]).toContain(answer.status);
  });

  it.each(['%00', '%2F', '.', '..', '%2e%2e', '..%2F..%2Fetc', '%2Fetc', '..%5C..', 'ALL', '*', 'Day-9', ''])(
    'cannot index or forget the stage %j',
    async (stage) => {
      expect((await send('POST', `/api/galleries/${stage}/index`)).status).toBeGreaterThanOrEqual(400);
      expect(await send('DELETE', `/api/galleries/${stage}`)).toMatchObject({ status: 404 });
    },
  );

  it.each(['-1', '1e3', '99999999', '%2e%2e', '..%2F0'])('names no photo %s', async (rank) => {
    expect((await send('GET', `/api/searches/1/photos/${rank}`)).status).toBeLessThan(500);
    expect((await send('GET', `/api/searches/1/photos/${rank}`)).status).toBeGreaterThanOrEqual(400);
  });

  it.each(['OPTIONS', 'TRACE', 'PUT', 'PATCH', 'PROPFIND'])('with %s is not answered', async (method) => {
    expect(await send(method, '/api/workers')).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  });

  it('with HEAD opens no event stream, which would never end', async () => {
    expect((await send('HEAD', '/api/events')).status).toBe(404);
    const { id } = await dashboard.searchQueue.add('search', {});
    expect((await send('HEAD', `/api/searches/${id}/events`)).status).toBe(404);
    expect((await send('HEAD', '/api/workers')).status).toBe(200);
  });

  it.each([
    'activeQueue=face-search&page=1e300&status=waiting',
    'activeQueue=face-search&jobsPerPage=100000000',
    'page=1&page=2',
    'page=-1',
  ])('for the board is bounded: ?%s', async (query) => {
    expect((await send('GET', `/board/api/queues?${query}`)).status).toBe(400);
  });

  it.each([
    ['GET / HTTP/1.1\r\nHost: localhost\r\nX: ', 'x'.repeat(40_000), 431, 'TOO_LARGE'],
    ['nonsense\r\n\r\n', '', 400, 'BAD_REQUEST'],
  ])('that is not HTTP gets a reason: %j', async (start, more, status, code) => {
    const { port } = new URL(dashboard.url);
    const text = await new Promise<string>((resolve) => {
      let received = '';
      const socket = connect(Number(port), '127.0.0.1', () => socket.write(start + more));
      socket.on('data', (chunk) => (received += chunk.toString()));
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(received));
    });
    expect(text).toContain(`HTTP/1.1 ${status}`);
    expect(text).toContain(`"code":"${code}"`);
  });
});
