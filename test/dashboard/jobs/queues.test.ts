import { Worker } from 'bullmq';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { JobDetails, JobSummary } from '../../../src/dashboard/api/api.js';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

const SELFIE = Buffer.from('a selfie that nobody is to see').toString('base64');

let dashboard: DashboardHarness;
beforeEach(async () => {
  dashboard = await startDashboardHarness();
});
afterEach(() => dashboard.stop());

const listed = async (
  kind: string,
  state: string,
  more = '',
): Promise<{ jobs: JobSummary[]; total: number }> =>
  (await (await dashboard.fetch(`/api/queues/${kind}/jobs?state=${state}${more}`)).json()) as {
    jobs: JobSummary[];
    total: number;
  };

const stagesOf = async (page: string) =>
  (await listed('search', 'waiting', page)).jobs.map(({ stage }) => stage);

const details = async (id: string): Promise<JobDetails> =>
  (await (await dashboard.fetch(`/api/queues/search/jobs/${id}`)).json()) as JobDetails;

/** Takes the next job and ends it. */
async function endNext(
  end: (job: NonNullable<Awaited<ReturnType<Worker['getNextJob']>>>) => Promise<unknown>,
): Promise<void> {
  const worker = new Worker('face-search', null, {
    connection: { host: '127.0.0.1', port: dashboard.server.port, maxRetriesPerRequest: null },
    autorun: false,
  });
  const job = await worker.getNextJob('token');
  if (job === undefined) throw new Error('There is no job');
  await end(job);
  await worker.close();
}

describe('the queues over HTTP', () => {
  it('list jobs, and show neither the selfie nor the result in a list', async () => {
    const job = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1', uid: 's1' });
    const { jobs, total } = await listed('search', 'waiting');
    expect(total).toBe(1);
    expect(jobs).toMatchObject([
      { id: job.id, state: 'waiting', stage: 'Day-1', progress: 0, worker: null, error: null },
    ]);
    await endNext((taken) => taken.moveToCompleted([{ id: 'Day-1/secret.jpg', score: 0.9 }], 'token', false));
    const text = JSON.stringify([jobs, await listed('search', 'completed')]);
    expect(text).not.toContain(SELFIE);
    expect(text).not.toContain('secret');
  });

  it('list a search with a large selfie with its stage and user', async () => {
    const image = 'x'.repeat(100_000);
    await dashboard.searchQueue.add('search', { image, uid: 's"1', stage: 'Day-1', timestamp: 1 });
    await dashboard.searchQueue.add('search', { uid: 's2', stage: 'Tag \\ ü', images: [image] });
    await dashboard.searchQueue.add('search', { images: [image], uid: 'stage', stage: 'Day-3', note: image });
    const { id } = await dashboard.searchQueue.add('search', {});
    const spaced = `{ "image": "${image}", "note": "a \\"stage\\": \\"x\\"", "uid" : "s4", "stage": "Day-4", "more": "${image}" }`;
    await dashboard.redis.hset(`bull:face-search:${id}`, 'data', spaced);
    const inOrder = [
      { stage: 'Day-4', uid: 's4' },
      { stage: 'Day-3', uid: 'stage' },
      { stage: 'Tag \\ ü', uid: 's2' },
      { stage: 'Day-1', uid: 's"1' },
    ];
    expect((await listed('search', 'waiting')).jobs).toMatchObject(inOrder);
    // From now on they are remembered: the next list reads no image.
    await dashboard.redis.hset(`bull:face-search:${id}`, 'data', image);
    expect((await listed('search', 'waiting')).jobs).toMatchObject(inOrder);
  });

  it('list and count a search that waits for its index among the waiting ones', async () => {
    const delay = 600_000;
    const forIndex = await dashboard.searchQueue.add('search', { stage: 'a' }, { delay });
    await forIndex.updateProgress(25);
    const delayed = await dashboard.searchQueue.add('search', { stage: 'b' }, { delay });
    const waiting = await dashboard.searchQueue.add('search', { stage: 'c' });
    expect(await listed('search', 'waiting')).toMatchObject({
      total: 2,
      jobs: [
        { id: waiting.id, state: 'waiting', waiting_for_index: false },
        { id: forIndex.id, state: 'delayed', waiting_for_index: true },
      ],
    });
    expect(await listed('search', 'waiting', '&start=1')).toMatchObject({
      total: 2,
      jobs: [{ id: forIndex.id }],
    });
    expect(await listed('search', 'delayed')).toMatchObject({
      total: 1,
      jobs: [{ id: delayed.id, state: 'delayed', waiting_for_index: false }],
    });
    const metrics = await (await dashboard.fetch('/metrics')).text();
    for (const [state, count] of [
      ['waiting', 1],
      ['waiting_for_index', 1],
      ['delayed', 1],
    ] as const) {
      expect(metrics).toContain(`face_search_queue_jobs{queue="face-search",state="${state}"} ${count}`);
    }
  });

  it('list one page at a time, the newest first', async () => {
    for (const stage of ['a', 'b', 'c']) {
      await dashboard.searchQueue.add('search', { image: SELFIE, stage });
      await endNext((job) => job.moveToFailed(new Error('INVALID_IMAGE: It is broken.'), 'token', false));
    }
    const first = await listed('search', 'failed', '&count=2');
    expect(first.total).toBe(3);
    expect(first.jobs.map(({ stage }) => stage)).toEqual(['c', 'b']);
    expect(first.jobs[0]?.error).toEqual({ code: 'INVALID_IMAGE', message: 'It is broken.' });
    expect((await listed('search', 'failed', '&start=2')).jobs.map(({ stage }) => stage)).toEqual(['a']);
  });

  it('list the jobs that wait in a paused queue', async () => {
    await dashboard.searchQueue.pause();
    const { id } = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1' });
    expect(await listed('search', 'waiting')).toMatchObject({ total: 1, jobs: [{ id, state: 'waiting' }] });
  });

  it('list index batches with their folder', async () => {
    await dashboard.indexQueue.add('index', { folder: 'Day-1', files: [], round: 1 });
    expect((await listed('index', 'waiting')).jobs).toMatchObject([{ name: 'index', stage: 'Day-1' }]);
  });

  it('show one job with its log and result, with sizes in place of images', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', {
      image: SELFIE,
      images: [SELFIE],
      gallery: [{ id: 'a', image: SELFIE }],
      uid: 's1',
      note: 'x'.repeat(5000),
    });
    await dashboard.searchQueue.addJobLog(id, 'Skipped 1 of 2 photos');
    await endNext((job) => job.moveToCompleted([{ id: 'a', score: 0.9 }], 'token', false));
    const job = await details(id);
    expect(job).toMatchObject({
      state: 'completed',
      log: ['Skipped 1 of 2 photos'],
      matches: [{ id: 'a', score: 0.9, photo: null }],
      data: {
        uid: 's1',
        image: '(image, 1 kB)',
        images: ['(image, 1 kB)'],
        gallery: [{ id: 'a', image: '(image, 1 kB)' }],
        note: '(5 kB, not shown)',
      },
    });
    expect(JSON.stringify(job)).not.toContain(SELFIE);
  });

  it('retry a failed job', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1' });
    const retry = () => dashboard.send('POST', `/api/queues/search/jobs/${id}/retry`);
    expect((await retry()).status).toBe(409);
    await endNext((job) => job.moveToFailed(new Error('The device is lost'), 'token', false));
    expect((await details(id)).error).toEqual({ code: 'FAILED', message: 'The device is lost' });
    expect((await retry()).status).toBe(202);
    expect((await details(id)).state).toBe('waiting');
  });

  it('do not retry a search whose selfie has been deleted', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', { image: null, stage: 'Day-1' });
    await endNext((job) => job.moveToFailed(new Error('The device is lost'), 'token', false));
    const response = await dashboard.send('POST', `/api/queues/search/jobs/${id}/retry`);
    expect(response.status).toBe(409);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining('upload it again') },
    });
  });

  it('remove a job, but not a running one', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1' });
    const remove = () => dashboard.send('DELETE', `/api/queues/search/jobs/${id}`);
    await endNext(async (job) => {
      const refused = await remove();
      expect(refused.status).toBe(409);
      expect(await refused.json()).toMatchObject({ error: { code: 'CONFLICT' } });
      await job.moveToCompleted([], 'token', false);
    });
    expect((await remove()).status).toBe(204);
    expect((await remove()).status).toBe(404);
  });

  it.each([
    '?state=nothing',
    '',
    '?state=failed&count=1000',
    '?state=failed&start=-1',
    '?state=failed&start=1e300',
  ])('are not listed by %j', async (query) => {
    const response = await dashboard.fetch(`/api/queues/search/jobs${query}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ error: { code: 'BAD_REQUEST' } });
  });

  it('list the next page of jobs that wait in several lists of BullMQ', async () => {
    for (const [stage, priority] of [
      ['a', 0],
      ['b', 0],
      ['c', 5],
    ] as const) {
      await dashboard.searchQueue.add('search', { stage }, { priority });
    }
    expect(await stagesOf('&count=2')).toEqual(['b', 'a']);
    expect(await stagesOf('&start=1&count=2')).toEqual(['a', 'c']);
    expect(await stagesOf('&start=2&count=2')).toEqual(['c']);
    expect(await stagesOf('&start=3')).toEqual([]);
  });

  it('are shown on the board without a request to another host', async () => {
    const page = await (await dashboard.fetch('/board')).text();
    expect(page).toContain('static/css/');
    expect(page).not.toMatch(/https?:\/\//);
  });

  it('are shown on the board without images, and cannot be changed there', async () => {
    const { id = '' } = await dashboard.searchQueue.add('search', { image: SELFIE, stage: 'Day-1' });
    await endNext((job) => job.moveToCompleted([{ id: 'Day-1/secret.jpg', score: 0.9 }], 'token', false));
    const lists = await (
      await dashboard.fetch(
        '/board/api/queues?activeQueue=face-search&status=completed&page=1&jobsPerPage=10',
      )
    ).text();
    const one = await (await dashboard.fetch(`/board/api/queues/face-search/${id}`)).text();
    for (const text of [lists, one]) {
      expect(text).toContain('(image, 1 kB)');
      expect(text).toContain('(1 matches, not shown)');
      expect(text).not.toContain(SELFIE);
      expect(text).not.toContain('secret');
    }
    const clean = await dashboard.send('PUT', '/board/api/queues/face-search/clean/completed');
    expect(clean.status).toBeGreaterThanOrEqual(400);
    expect(await dashboard.searchQueue.getJob(id)).toBeDefined();
  });
});
