import { mkdir, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import { UnrecoverableError } from 'bullmq';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { JobDetails, JobSummary, Search } from '../../../src/dashboard/api/api.js';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';
import { workerRecord } from '../../support/worker-record.js';

const SELFIE = Buffer.from('an image').toString('base64');
const CUT_FORM = '--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nabc';

let dashboard: DashboardHarness;
beforeAll(async () => {
  dashboard = await startDashboardHarness({ MAX_IMAGE_BYTES: '100000' });
});
afterAll(() => dashboard.stop());
beforeEach(() => dashboard.redis.flushall());

const failure = async (response: Response) => ({
  status: response.status,
  code: ((await response.json()) as { error: { code: string } }).error.code,
});
const postForm = (body: string | FormData, type?: string): Promise<Response> =>
  dashboard.fetch('/api/searches', {
    method: 'POST',
    body,
    ...(type !== undefined && { headers: { 'content-type': type } }),
  });
const postJson = (body: string): Promise<Response> => postForm(body, 'application/json');

const added = async (body: object) => {
  const { id } = (await (await postJson(JSON.stringify(body))).json()) as Search;
  return dashboard.searchQueue.getJob(id);
};

describe('a search request', () => {
  it.each([
    ['is cut', CUT_FORM],
    ['has no part', 'x'],
    ['has an unfinished header', '--x\r\nContent-Disposition: form-data; na'],
  ])('is refused with a reason if its form %s', async (_, body) => {
    const response = await postForm(body, 'multipart/form-data; boundary=x');
    expect(await failure(response)).toMatchObject({ status: 400 });
  });

  it('is refused if its form has no boundary', async () => {
    expect((await postForm('abc', 'multipart/form-data')).status).toBeGreaterThanOrEqual(400);
    expect((await postForm('abc', 'multipart/form-data')).status).toBeLessThan(500);
  });

  it('is refused if a text in its form is too long, and not cut', async () => {
    const form = new FormData();
    form.set('stage', 'Day-1');
    form.set('image', 'A'.repeat(20_000));
    const response = await postForm(form);
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { code: 'TOO_LARGE', message: expect.stringContaining('Send images as files') },
    });
  });

  it('is queued without its unknown fields', async () => {
    const job = await added({ image: SELFIE, stage: 'Day-1', x: { y: 1 } });
    expect(job?.data).not.toHaveProperty('x');
  });

  it('always has the texts uid and stage in the queue', async () => {
    const plain = await added({ image: SELFIE, stage: 'Day-1' });
    expect(plain).toMatchObject({ name: 'process-face', data: { uid: 'dashboard', stage: 'Day-1' } });
    const list = await added({ image: SELFIE, uid: 5, gallery: [{ id: 'a', image: SELFIE }] });
    expect(list?.data).toMatchObject({ uid: '5', stage: '', details: true });
  });

  it('is bounded together with the others in flight', async () => {
    const { port } = new URL(dashboard.url);
    const length = 190_000;
    const open = Array.from({ length: 8 }, () => {
      const upload = request({
        port,
        host: '127.0.0.1',
        path: '/api/searches',
        method: 'POST',
        headers: { 'content-type': 'application/json', 'content-length': String(length) },
      });
      upload.on('error', () => undefined);
      upload.write('{');
      return upload;
    });
    await vi.waitFor(async () => {
      expect(await failure(await postJson(`"${'x'.repeat(length)}"`))).toEqual({
        status: 429,
        code: 'RATE_LIMITED',
      });
    }, 10_000);
    for (const upload of open) upload.destroy();
    await vi.waitFor(async () => expect((await postJson('[]')).status).toBe(400), 10_000);
  });
});

describe('an id that names no job', () => {
  it.each(['meta', 'id', 'events', 'wait', 'marker', 'none:lock'])('is not found: %s', async (id) => {
    await dashboard.searchQueue.pause();
    await dashboard.searchQueue.add('search', { stage: 'Day-1' });
    const keys = async () => (await dashboard.redis.keys('*')).toSorted();
    const before = await keys();
    const job = `/api/queues/search/jobs/${id}`;
    for (const [method, url] of [
      ['GET', job],
      ['POST', `${job}/retry`],
      ['DELETE', job],
      ['GET', `/api/searches/${id}`],
      ['DELETE', `/api/searches/${id}`],
      ['GET', `/api/searches/${id}/photos/0`],
    ] as const) {
      expect(await failure(await dashboard.fetch(url, { method }))).toEqual({
        status: 404,
        code: 'NOT_FOUND',
      });
    }
    expect(await keys()).toEqual(before);
    expect(await dashboard.searchQueue.isPaused()).toBe(true);
  });
});

describe('what other programs write to Redis', () => {
  it.each([null, 'text', 5, [1], { stage: 5, gallery: 'x', uid: {} }])(
    'costs a job with the data %j nothing but its own fields',
    async (data) => {
      dashboard.work(async () => {
        throw new UnrecoverableError('no');
      });
      const { id = '' } = await dashboard.searchQueue.add('search', data);
      await vi.waitFor(async () => {
        const list = await dashboard.fetch('/api/queues/search/jobs?state=failed');
        expect(list.status).toBe(200);
        const { jobs } = (await list.json()) as { jobs: JobSummary[] };
        expect(jobs).toMatchObject([{ id, stage: null, uid: null }]);
      }, 10_000);
      const one = await dashboard.fetch(`/api/queues/search/jobs/${id}`);
      expect(await one.json()).toMatchObject({ data, error: { code: 'FAILED' } });
      expect((await dashboard.fetch(`/api/searches/${id}`)).status).toBe(200);
      expect((await dashboard.send('POST', `/api/queues/search/jobs/${id}/retry`)).status).toBe(409);
    },
  );

  it('costs a job with a strange result, broken JSON or deep nesting only itself', async () => {
    const results = ['null', '5', '{', '[null,5,{"id":7},{"id":"a","score":"x","box":3}]', '{"matches":3}'];
    for (const [i, result] of results.entries()) {
      const { id = '' } = await dashboard.searchQueue.add('search', { stage: `s${i}` });
      await dashboard.redis.hset(`bull:face-search:${id}`, 'returnvalue', result, 'data', '['.repeat(3000));
      expect((await dashboard.fetch(`/api/queues/search/jobs/${id}`)).status).toBe(200);
    }
    const deep = `${'['.repeat(3000)}${']'.repeat(3000)}`;
    const { id = '' } = await dashboard.searchQueue.add('search', {});
    await dashboard.redis.hset(`bull:face-search:${id}`, 'data', deep);
    const { data } = (await (await dashboard.fetch(`/api/queues/search/jobs/${id}`)).json()) as JobDetails;
    expect(JSON.stringify(data)).toContain('nested too deeply');
    expect((await dashboard.fetch('/api/queues/search/jobs?state=waiting')).status).toBe(200);
  });

  it('costs a bad worker record only itself', async () => {
    await dashboard.register(workerRecord());
    await dashboard.redis.hset('workers', { a: 'null', b: '{', c: '[]', d: '{"last_heartbeat":"x"}' });
    const response = await dashboard.fetch('/api/workers');
    const { workers } = (await response.json()) as { workers: { id: string }[] };
    expect(workers.map(({ id }) => id)).toEqual(['d', 'host_gpu0']);
    expect(await (await dashboard.fetch('/metrics')).text()).toContain(
      'face_search_worker_up{worker="host_gpu0"',
    );
  });
});

const finish = async (data: object, matches: readonly string[]): Promise<string> => {
  const { id = '' } = await dashboard.searchQueue.add('search', data);
  const result = matches.map((photo) => ({ id: photo, score: 0.9, similarity: 0.9 }));
  await dashboard.redis.hset(
    `bull:face-search:${id}`,
    'returnvalue',
    JSON.stringify(result),
    'finishedOn',
    '1',
  );
  return id;
};
const statusOf = async (id: string, rank: number): Promise<number> =>
  (await dashboard.fetch(`/api/searches/${id}/photos/${rank}`)).status;

describe('the photo of a result', () => {
  beforeAll(async () => {
    const folder = path.join(dashboard.galleryDir, 'Day-1');
    await mkdir(folder, { recursive: true });
    const jpeg = await sharp({ create: { width: 300, height: 200, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer();
    await writeFile(path.join(folder, 'red.jpg'), jpeg);
    await writeFile(path.join(folder, 'cut.jpg'), jpeg.subarray(0, 30));
    await writeFile(
      path.join(folder, 'svg.jpg'),
      '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="300" height="200"/></svg>',
    );
  });

  it('is served only in a format that the engine reads', async () => {
    const id = await finish({ stage: 'Day-1' }, ['Day-1/red.jpg', 'Day-1/svg.jpg', 'Day-1/cut.jpg', '../x']);
    expect(await statusOf(id, 0)).toBe(200);
    for (const rank of [1, 2, 3, 4]) expect(await statusOf(id, rank)).toBe(404);
    await dashboard.searchQueue.remove(id);
    expect(await statusOf(id, 0)).toBe(404);
  });

  it('is not shown if its id names several photos', async () => {
    const gallery = [
      { id: 'a', path: 'Day-1/red.jpg' },
      { id: 'a', path: 'Day-1/other.jpg' },
      { id: 'b', path: 'Day-1/red.jpg' },
      { id: 'c', image: SELFIE },
    ];
    const id = await finish({ gallery }, ['a', 'b', 'c', 'd']);
    expect(await statusOf(id, 0)).toBe(404);
    expect(await statusOf(id, 1)).toBe(200);
    expect(await statusOf(id, 2)).toBe(404);
    expect(await statusOf(id, 3)).toBe(404);
  });
});

describe('a full Redis', () => {
  it('is named in the answer', async () => {
    await dashboard.redis.config('SET', 'maxmemory', '1mb');
    const response = await postJson(JSON.stringify({ image: SELFIE, stage: 'Day-1' }));
    await dashboard.redis.config('SET', 'maxmemory', '0');
    expect(await failure(response)).toEqual({ status: 503, code: 'REDIS_FULL' });
  });
});

describe('a paused queue', () => {
  it('is shown as paused with the jobs that wait in it', async () => {
    await dashboard.searchQueue.pause();
    const response = await postJson(JSON.stringify({ image: SELFIE, stage: 'Day-1' }));
    expect(await response.json()).toMatchObject({ state: 'waiting', position: 1 });
    const metrics = await (await dashboard.fetch('/metrics')).text();
    expect(metrics).toContain('face_search_queue_paused{queue="face-search"} 1');
    expect(metrics).toContain('face_search_queue_jobs{queue="face-search",state="waiting"} 1');
    const list = await dashboard.fetch('/api/queues/search/jobs?state=waiting');
    expect(((await list.json()) as { jobs: object[] }).jobs).toHaveLength(1);
  });
});
