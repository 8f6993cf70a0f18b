import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cancelChannel } from '../../../src/shared/redis-keys.js';
import type { Search } from '../../../src/dashboard/api/api.js';
import { type DashboardHarness, eventsOf, startDashboardHarness } from '../../support/dashboard-harness.js';
import { defer } from '../../support/deferred.js';

const SELFIE = Buffer.from('a picture').toString('base64');

let dashboard: DashboardHarness;
beforeEach(async () => {
  dashboard = await startDashboardHarness();
});
afterEach(() => dashboard.stop());

async function add(data: object = { image: SELFIE, stage: 'Day-1' }): Promise<Search> {
  const response = await dashboard.send('POST', '/api/searches', data);
  expect(response.status).toBe(202);
  const search = (await response.json()) as Search;
  expect(response.headers.get('location')).toBe(`/api/searches/${search.id}`);
  return search;
}

const read = async (id: string): Promise<Search> =>
  (await (await dashboard.fetch(`/api/searches/${id}`)).json()) as Search;

describe('a search over HTTP', () => {
  it('becomes a job with the fields that the portal reads', async () => {
    const { id, state, position } = await add({
      image: SELFIE,
      stage: 'Day-1',
      uid: 's1',
      threshold: 0.7,
      limit: 5,
    });
    expect({ state, position }).toEqual({ state: 'waiting', position: 1 });
    const job = await dashboard.searchQueue.getJob(id);
    expect(job?.data).toMatchObject({
      image: SELFIE,
      stage: 'Day-1',
      uid: 's1',
      threshold: 0.7,
      limit: 5,
      boxes: true,
      timestamp: expect.any(Number),
    });
    expect(job?.opts.attempts).toBe(3);
  });

  it('can be sent as a form with files', async () => {
    const form = new FormData();
    form.set('stage', 'Day-1/Morning');
    form.set('threshold', '0.7');
    form.append('image', new Blob(['one']), 'one.jpg');
    form.append('image', new Blob(['two']), 'two.jpg');
    const response = await dashboard.fetch('/api/searches', { method: 'POST', body: form });
    expect(response.status).toBe(202);
    const { id } = (await response.json()) as Search;
    expect((await dashboard.searchQueue.getJob(id))?.data).toMatchObject({
      stage: 'Day-1/Morning',
      threshold: 0.7,
      images: [Buffer.from('one').toString('base64'), Buffer.from('two').toString('base64')],
    });
  });

  it.each([
    [{ stage: 'Day-1' }, 'The job has no selfie: set "image" (one) or "images" (several).'],
    [{ image: SELFIE }, expect.stringContaining('names no gallery')],
    [{ image: 5, stage: 'Day-1' }, expect.stringContaining('image')],
    [{ image: SELFIE, stage: 'Day-1', threshold: 2 }, expect.stringContaining('threshold')],
  ])('is refused with the reason if it is wrong: %j', async (data, message) => {
    const response = await dashboard.send('POST', '/api/searches', data);
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({ error: { code: 'INVALID_JOB', message } });
    expect(await dashboard.searchQueue.getJobCountByTypes('wait')).toBe(0);
  });

  it('is refused if a number in a form is none, or its file is empty', async () => {
    const form = new FormData();
    form.set('stage', 'Day-1');
    form.set('threshold', 'much');
    form.set('image', new Blob(['one']), 'one.jpg');
    expect((await dashboard.fetch('/api/searches', { method: 'POST', body: form })).status).toBe(400);
    form.delete('threshold');
    form.set('image', new Blob([]), 'none.jpg');
    expect((await dashboard.fetch('/api/searches', { method: 'POST', body: form })).status).toBe(400);
  });

  it('is refused if it is larger than an image may be', async () => {
    await dashboard.stop();
    dashboard = await startDashboardHarness({ MAX_IMAGE_BYTES: '2000' });
    const form = new FormData();
    form.set('stage', 'Day-1');
    form.set('image', new Blob(['x'.repeat(3000)]), 'large.jpg');
    const asForm = await dashboard.fetch('/api/searches', { method: 'POST', body: form });
    const together = new FormData();
    together.set('stage', 'Day-1');
    for (const name of ['one', 'two']) together.append('image', new Blob(['x'.repeat(1500)]), name);
    const asTwo = await dashboard.fetch('/api/searches', { method: 'POST', body: together });
    const asJson = await dashboard.send('POST', '/api/searches', {
      image: 'x'.repeat(100_000),
      stage: 'Day-1',
    });
    for (const response of [asForm, asTwo, asJson]) {
      expect(response.status).toBe(413);
      expect(await response.json()).toMatchObject({ error: { code: 'TOO_LARGE' } });
    }
  });

  it.each(['[1]', '"text"', '{', ''])('is refused if its body is %j', async (body) => {
    const response = await dashboard.fetch('/api/searches', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  });

  it('is limited to one at a time for each user', async () => {
    const first = await add({ image: SELFIE, stage: 'Day-1', uid: 's1' });
    const second = await dashboard.send('POST', '/api/searches', {
      image: SELFIE,
      stage: 'Day-2',
      uid: 's1',
    });
    expect(second.status).toBe(409);
    expect(await second.json()).toMatchObject({ error: { code: 'SEARCH_RUNNING' } });
    await add({ image: SELFIE, stage: 'Day-1', uid: 's2' });
    await add();
    expect((await dashboard.send('DELETE', `/api/searches/${first.id}`)).status).toBe(204);
    await add({ image: SELFIE, stage: 'Day-2', uid: 's1' });
  });

  it('can be repeated by the same user once it has ended', async () => {
    dashboard.work(async () => []);
    const { id } = await add({ image: SELFIE, stage: 'Day-1', uid: 's1' });
    for await (const { event } of eventsOf(await dashboard.fetch(`/api/searches/${id}/events`))) {
      if (event === 'result') break;
    }
    await add({ image: SELFIE, stage: 'Day-1', uid: 's1' });
  });

  it('is reported live, from the queue to the result', async () => {
    await add();
    const { id } = await add();
    const response = await dashboard.fetch(`/api/searches/${id}/events`);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const halfway = defer();
    const seen: { event: string; data: unknown }[] = [];
    for await (const news of eventsOf(response)) {
      seen.push(news);
      if (seen.length === 1) {
        dashboard.work(async (job) => {
          await job.updateProgress(50);
          if (job.id === id) await halfway.promise;
          return [{ id: 'Day-1/a.jpg', score: 0.9 }];
        });
      }
      if (news.event === 'state' && (news.data as { progress: number }).progress === 50) halfway.resolve();
    }
    expect(seen[0]).toEqual({
      event: 'state',
      data: { state: 'waiting', waiting_for_index: false, position: 2, progress: 0 },
    });
    expect(seen).toContainEqual({
      event: 'state',
      data: { state: 'active', waiting_for_index: false, position: null, progress: 50 },
    });
    expect(seen.at(-1)).toMatchObject({
      event: 'result',
      data: { id, state: 'completed', matches: [{ id: 'Day-1/a.jpg', score: 0.9 }] },
    });
    expect(await read(id)).toEqual(seen.at(-1)?.data);
  });

  it('is reported as failed with the code of the job', async () => {
    dashboard.work(async () => {
      throw new Error('NO_FACE_DETECTED: Nobody is on the selfie.');
    });
    const job = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1' });
    const news = [];
    for await (const one of eventsOf(await dashboard.fetch(`/api/searches/${job.id}/events`))) news.push(one);
    expect(news.at(-1)).toMatchObject({
      event: 'failure',
      data: { error: { code: 'NO_FACE_DETECTED', message: 'Nobody is on the selfie.' }, matches: null },
    });
  });

  it('is reported as removed to a client that follows it', async () => {
    const { id } = await add();
    const news = [];
    for await (const one of eventsOf(await dashboard.fetch(`/api/searches/${id}/events`))) {
      news.push(one);
      if (one.event === 'state') await dashboard.send('DELETE', `/api/searches/${id}`);
    }
    expect(news.at(-1)).toMatchObject({ event: 'failure', data: { error: { code: 'CANCELLED' } } });
  });

  it('is removed at once if it waits and is cancelled', async () => {
    const { id } = await add();
    expect((await dashboard.send('DELETE', `/api/searches/${id}`)).status).toBe(204);
    expect((await dashboard.fetch(`/api/searches/${id}`)).status).toBe(404);
    expect((await dashboard.send('DELETE', `/api/searches/${id}`)).status).toBe(404);
  });

  it('is cancelled on the machine that runs it', async () => {
    const started = defer();
    const done = defer();
    dashboard.work(async () => {
      started.resolve();
      await done.promise;
      return [];
    });
    const { id } = await add();
    await started.promise;
    const heard = defer<string>();
    const supervisor = dashboard.redis.duplicate();
    supervisor.on('message', (_channel, jobId) => heard.resolve(jobId));
    await supervisor.subscribe(cancelChannel({ db: 0, prefix: 'bull', name: 'face-search' }));
    expect((await dashboard.send('DELETE', `/api/searches/${id}`)).status).toBe(204);
    expect(await heard.promise).toBe(id);
    supervisor.disconnect();
    done.resolve();
  });

  it('cannot be cancelled once it has ended', async () => {
    dashboard.work(async () => []);
    const { id } = await add();
    for await (const { event } of eventsOf(await dashboard.fetch(`/api/searches/${id}/events`))) {
      if (event === 'result') break;
    }
    const response = await dashboard.send('DELETE', `/api/searches/${id}`);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({ error: { code: 'CONFLICT' } });
  });

  it.each(['/api/searches/none', '/api/searches/none/events', '/api/searches/none/photos/0'])(
    'is not found at %s',
    async (url) => {
      const response = await dashboard.fetch(url);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ error: { code: 'NOT_FOUND' } });
    },
  );

  it('is limited for each client if the operator wants it', async () => {
    await dashboard.stop();
    dashboard = await startDashboardHarness({ DASHBOARD_SEARCHES_PER_MINUTE: '2' });
    await add();
    await add();
    expect((await dashboard.send('POST', '/api/searches', { image: SELFIE, stage: 'Day-1' })).status).toBe(
      429,
    );
    expect((await dashboard.fetch('/api/workers')).status).toBe(200);
  });
});
