import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Browser } from 'playwright-core';
import { createBadPhotos } from '../../../src/gallery/store/bad-photos.js';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { openTab, startBrowser, type Tab, type TabOptions } from '../../support/browser.js';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';
import { drawPerson } from '../../support/testbed.js';
import { workerRecord } from '../../support/worker-record.js';

const FULL = 'correct horse battery staple';
const READ = 'another horse that only looks';
/** How far the page scrolls sideways, in the browser. */
const SIDEWAYS_PX = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';

const BOX = { y: 0.2, width: 0.2, height: 0.3 };

let browser: Browser;
let dashboard: DashboardHarness;
beforeAll(async () => {
  [browser, dashboard] = await Promise.all([
    startBrowser(),
    startDashboardHarness({ DASHBOARD_TOKEN: FULL, DASHBOARD_READ_TOKEN: READ }),
  ]);
});
afterAll(async () => {
  await browser.close();
  await dashboard.stop();
});

const tabs: Tab[] = [];
afterEach(async () => {
  for (const { page, complaints, foreignRequests } of tabs.splice(0)) {
    await page.context().close();
    expect(complaints).toEqual([]);
    expect(foreignRequests).toEqual([]);
  }
  await dashboard.redis.flushall();
});

async function open(address: string, options: TabOptions = {}): Promise<Tab> {
  const tab = await openTab(browser, `${dashboard.url}${address}`, { token: FULL, ...options });
  tabs.push(tab);
  return tab;
}

const fail = async (data: object, reason: string): Promise<string> => {
  const { id = '' } = await dashboard.searchQueue.add('search', data);
  await dashboard.redis
    .multi()
    .hset(
      `bull:face-search:${id}`,
      'failedReason',
      reason,
      'processedOn',
      Date.now(),
      'finishedOn',
      Date.now(),
    )
    .zadd('bull:face-search:failed', Date.now(), id)
    .lrem('bull:face-search:wait', 0, id)
    .exec();
  return id;
};

async function writeGallery(): Promise<void> {
  await mkdir(path.join(dashboard.galleryDir, 'Day-1'), { recursive: true });
  for (const name of ['a.jpg', 'b.jpg'])
    await writeFile(path.join(dashboard.galleryDir, 'Day-1', name), name);
  const stamp = { sizeBytes: 1, changedMs: 1 };
  await createFileTable(dashboard.redis, 0).write('Day-1', [
    { ...stamp, name: 'a.jpg', content: { kind: 'content', hash: 'a' } },
  ]);
  await createBadPhotos(dashboard.redis).add('Day-1', { ...stamp, name: 'b.jpg' }, 'It ended its worker.');
}

describe('the page', () => {
  it('shows a user with the read-only token no button that changes something', async () => {
    await dashboard.register(workerRecord());
    const id = await fail({ image: 'QUFB', stage: 'Day-1', uid: 's1' }, 'It failed.');
    const { page } = await open('/#/workers', { token: READ, widthPx: 320 });
    await page.getByTestId('worker-host_gpu0').waitFor();
    expect(await page.getByTestId('read-only').count()).toBe(1);
    expect(await page.evaluate(SIDEWAYS_PX)).toBe(0);
    expect(await page.getByRole('button').allTextContents()).toEqual(['Log out']);
    expect(await page.getByRole('link').allTextContents()).not.toContain('Search');
    await page.goto(`${dashboard.url}/#/search`);
    expect(await page.getByTestId('no-search').textContent()).toContain('cannot search');
    await page.goto(`${dashboard.url}/#/queue/search/${id}`);
    await page.getByTestId('job-error').waitFor();
    for (const action of ['retry', 'remove', 'board-link']) {
      expect(await page.getByTestId(action).count()).toBe(0);
    }
  });

  it('asks again if the server does not answer a request', async () => {
    const id = await fail({ image: 'QUFB', stage: 'Day-1' }, 'It failed.');
    const { page } = await open('/#/workers');
    let asked = 0;
    await page.route('**/jobs?state=failed*', async (route) => {
      asked += 1;
      // The first request never ends.
      if (asked > 1) await route.continue();
    });
    await page.getByTestId('nav-queue').click();
    await page.getByTestId('tab-failed').click();
    await page.getByText('The dashboard does not answer').waitFor();
    await page.getByTestId(`job-${id}`).waitFor();
    expect(asked).toBeGreaterThan(1);
  });

  it('counts a search that waits for its index as waiting, in all places', async () => {
    const job = await dashboard.searchQueue.add('search', { stage: 'Day-1', uid: 's7' }, { delay: 600_000 });
    await job.updateProgress(25);
    const { page } = await open('/#/queue', { widthPx: 320 });
    await page.getByTestId('tab-waiting').click();
    expect(await page.evaluate(SIDEWAYS_PX)).toBe(0);
    const row = page.getByTestId(`job-${job.id}`);
    await row.waitFor();
    expect(await row.textContent()).toMatch(/s7.*Day-1.*waits for its index/);
    expect(await page.getByTestId('tab-waiting').textContent()).toMatch(/Waiting\s+1/);
    expect(await page.getByTestId('tab-delayed').textContent()).toMatch(/Delayed\s+0/);
    expect(await page.getByTestId('counts-search').getByRole('cell').first().textContent()).toMatch(/1\s*$/);
    await page.getByTestId('nav-workers').click();
    await page.getByTestId('summary').waitFor();
    expect(await page.getByTestId('summary').textContent()).toMatch(/Searches waiting\s*1/);
  });

  it('says in one place that the queue is paused', async () => {
    await dashboard.searchQueue.pause();
    await dashboard.searchQueue.add('search', { stage: 'Day-1' });
    const { page } = await open('/#/workers');
    await page.getByTestId('paused-search').waitFor();
    expect((await page.locator('main').textContent())?.match(/paused/gi)).toHaveLength(1);
    expect(await page.getByTestId('paused-search').textContent()).toContain('1 job waits');
  });

  it('offers no retry for a job that would fail again, and says so', async () => {
    const id = await fail({ image: 'QUFB', stage: 'Day-1' }, 'NO_FACE_DETECTED: We could not find a face.');
    const { page } = await open(`/#/queue/search/${id}`);
    await page.getByTestId('no-retry').waitFor();
    expect(await page.getByTestId('retry').count()).toBe(0);
    expect(await page.getByTestId('remove').count()).toBe(1);
  });

  it('closes the panel of a job with its tab', async () => {
    const id = await fail({ image: 'QUFB', stage: 'Day-1' }, 'It failed.');
    const { page } = await open('/#/queue');
    await page.getByTestId('tab-failed').click();
    await page.getByTestId(`job-${id}`).click();
    await page.getByTestId('job-details').waitFor();
    await page.getByTestId('tab-completed').click();
    await page.getByTestId('job-details').waitFor({ state: 'detached' });
  });

  it('says why a worker is in trouble, and warns of mixed model packs', async () => {
    await dashboard.register(
      workerRecord({ status: 'stalled', status_reason: 'GALLERY_DIR is empty', model_pack: 'edgeface' }),
      workerRecord({ id: 'host_gpu1', gpu_index: 1 }),
    );
    const { page } = await open('/#/workers');
    const card = page.getByTestId('worker-host_gpu0');
    await card.getByText('GALLERY_DIR is empty').waitFor();
    expect(await page.getByTestId('model-pack-warning').textContent()).toMatch(
      /different model packs: edgeface \(1\), mobilefacenet \(1\)/,
    );
  });

  it('shows the galleries, and deletes face data for a user with the full token after a confirmation', async () => {
    await writeGallery();
    const { page } = await open('/#/galleries');
    await page.getByTestId('gallery-Day-1').click();
    const details = page.getByTestId('gallery-details');
    await details.getByTestId('broken-photos').waitFor();
    expect(await details.textContent()).toMatch(
      /Photos\s*2.*Broken photos\s*1.*b\.jpg.*It ended its worker/s,
    );
    const reader = await open('/#/galleries/Day-1', { token: READ });
    await reader.page.getByTestId('broken-photos').waitFor();
    expect(await reader.page.getByTestId('index').count()).toBe(0);
    expect(await reader.page.getByTestId('forget').count()).toBe(0);
    await page.getByTestId('forget').click();
    await page.getByTestId('confirm-no').click();
    expect(await dashboard.redis.exists('face-index:files:Day-1')).toBe(1);
    await page.getByTestId('forget').click();
    await page.getByTestId('confirm-yes').click();
    await page.getByText('deleted the face data of').waitFor();
    expect(await dashboard.redis.exists('face-index:files:Day-1')).toBe(0);
  });

  it('loads the board without a request to another host', async () => {
    const { page } = await open('/board');
    await page.getByText('face-search queues').first().waitFor();
  });

  // The last one: from here on a worker takes every search.
  it('shows the faces of a selfie, which one was searched, and what made it hard', async () => {
    const face = { score: 0.9, sizePx: 60, sharpness: 12, brightness: 20, yawDeg: 5, problem: null };
    dashboard.work(async () => ({
      matches: [],
      details: {
        selfies: [
          {
            turnedDeg: 90,
            faces: [
              { ...face, box: { ...BOX, x: 0.1 } },
              { ...face, box: { ...BOX, x: 0.6 }, problem: 'too dark' },
            ],
            searched: 1,
            reason: 'searched for the large face in the middle of 2 faces',
          },
        ],
        photos: 7,
        faces: 9,
        modelPack: 'tiny',
        threshold: 0.6,
        expandedBy: 0,
        hint: 'Your photo is very dark. Please take another one in better light.',
      },
    }));
    const { page } = await open('/#/search', { widthPx: 390 });
    await page.getByTestId('selfie-input').setInputFiles({
      name: 'me.png',
      mimeType: 'image/png',
      buffer: await drawPerson(1),
    });
    await page.getByTestId('stage-input').fill('Day-1');
    await page.getByTestId('search-button').click();
    await page.getByTestId('selfie-hint').getByText('Your photo is very dark').waitFor();
    expect(await page.getByTestId('searched-face').textContent()).toMatch(
      /searched.*60 px, .*20 of 255, .*too dark/s,
    );
    const faces = page.getByTestId('selfie-faces');
    expect(await faces.locator('text').allTextContents()).toEqual([
      expect.stringContaining('1'),
      expect.stringContaining('2'),
    ]);
    expect(await faces.locator('.searched text').textContent()).toContain('2');
    expect(await faces.locator('image').getAttribute('transform')).toContain('rotate(90)');
    await page.getByText('The selfie was turned by 90°').waitFor();
    expect(await page.evaluate(SIDEWAYS_PX)).toBe(0);
  });
});
