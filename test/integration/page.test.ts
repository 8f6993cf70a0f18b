import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { openTab, startBrowser, type Tab, type TabOptions } from '../support/browser.js';
import type { SupervisorProcess } from '../support/supervisor-process.js';
import { createTestbed, drawPerson, selfieOf, STAGE, type Testbed } from '../support/testbed.js';

const online = ({ status }: { status: string }): boolean => status === 'online';

let browser: Browser;
let directory: string;
beforeAll(async () => {
  browser = await startBrowser();
  directory = await mkdtemp(path.join(tmpdir(), 'selfies-'));
  await writeFile(path.join(directory, 'me.png'), await drawPerson(3));
  await writeFile(path.join(directory, 'broken.png'), 'not an image');
});
afterAll(async () => {
  await browser.close();
  await rm(directory, { recursive: true });
});

let bed: Testbed;
let tabs: Tab[];
beforeEach(async () => {
  tabs = [];
  bed = await createTestbed();
});
afterEach(async () => {
  await Promise.all(tabs.map(({ page }) => page.context().close()));
  await bed.close();
});

async function start(
  more: Record<string, string> = {},
): Promise<{ supervisor: SupervisorProcess; url: string }> {
  const supervisor = await bed.supervisor({ DASHBOARD_PORT: '0', ...more });
  const { url } = await supervisor.line(({ msg }) => msg.startsWith('The dashboard is at '));
  await bed.recorded('host_cpu0', online);
  return { supervisor, url: String(url) };
}

async function open(url: string, options?: TabOptions): Promise<Tab> {
  const tab = await openTab(browser, url, options);
  tabs.push(tab);
  return tab;
}

async function waitFor({ page }: Tab, testId: string): Promise<void> {
  try {
    await page.getByTestId(testId).first().waitFor({ timeout: 30_000 });
  } catch (error) {
    const jobs = await bed.queue.getJobs();
    const states = await Promise.all(
      jobs.map(async (job) => [
        await job.getState(),
        job.failedReason,
        await bed.queue.getJobLogs(job.id ?? ''),
      ]),
    );
    const text = await page.locator('body').textContent();
    throw new Error(`The page shows: ${text}\nThe jobs are: ${JSON.stringify(states)}`, { cause: error });
  }
}

async function choose(tab: Tab, file: string): Promise<void> {
  await tab.page.getByTestId('selfie-input').setInputFiles(path.join(directory, file));
  await tab.page.getByTestId('stage-input').fill(STAGE);
}

describe('the page', () => {
  it('shows the workers, and pauses and resumes one after confirmation', async () => {
    const { url } = await start();
    const tab = await open(`${url}/#/workers`);
    await waitFor(tab, 'worker-host_cpu0');
    await tab.page.getByTestId('pause-host_cpu0').click();
    await tab.page.keyboard.press('Escape');
    await tab.page.getByTestId('confirm').waitFor({ state: 'hidden' });
    expect((await bed.record('host_cpu0'))?.status).toBe('online');
    await tab.page.getByTestId('pause-host_cpu0').click();
    await tab.page.getByTestId('confirm-yes').click();
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    await waitFor(tab, 'resume-host_cpu0');
    await tab.screenshot('workers-paused');
    await tab.page.getByTestId('resume-host_cpu0').click();
    await tab.page.getByTestId('confirm-yes').click();
    await bed.recorded('host_cpu0', online);
    await waitFor(tab, 'pause-host_cpu0');
    expect(tab.complaints).toEqual([]);
  });

  it('restarts a worker', async () => {
    const { url } = await start();
    const { pid } = await bed.recorded('host_cpu0', online);
    const tab = await open(`${url}/#/workers`);
    await tab.page.getByTestId('restart-host_cpu0').click();
    await tab.page.getByTestId('confirm-yes').click();
    await bed.recorded('host_cpu0', (record) => online(record) && record.pid !== pid);
    expect(tab.complaints).toEqual([]);
  });

  it('searches for the person of a selfie, and shows the photos with the faces', async () => {
    const { url } = await start();
    const tab = await open(`${url}/#/search`, { colorScheme: 'dark' });
    await choose(tab, 'me.png');
    await tab.page.getByTestId('search-button').click();
    await waitFor(tab, 'match');
    expect(await tab.page.getByTestId('match').count()).toBe(1);
    const photo = tab.page.getByTestId('match').locator('img').first();
    await expect
      .poll(() => photo.evaluate((img) => (img as unknown as { naturalWidth: number }).naturalWidth))
      .toBe(480);
    await tab.screenshot('search');
    expect(await tab.page.getByTestId('match').textContent()).toContain('p3.png');
    expect(tab.complaints).toEqual([]);
  });

  it('says why a selfie cannot be used', async () => {
    const { url } = await start();
    const tab = await open(`${url}/#/search`);
    await choose(tab, 'broken.png');
    await tab.page.getByTestId('search-button').click();
    await waitFor(tab, 'search-error');
    expect(await tab.page.getByTestId('search-error').textContent()).toContain('INVALID_IMAGE');
    expect(tab.complaints).toEqual([]);
  });

  it('cancels a waiting search', async () => {
    const { url } = await start();
    await bed.redis.set('worker:host_cpu0:paused', '1');
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
    const tab = await open(`${url}/#/search`);
    await choose(tab, 'me.png');
    await tab.page.getByTestId('search-button').click();
    await waitFor(tab, 'search-progress');
    await expect.poll(() => bed.queue.getJobCountByTypes('wait')).toBe(1);
    await tab.page.getByTestId('cancel-button').click();
    await waitFor(tab, 'search-error');
    expect(await tab.page.getByTestId('search-error').textContent()).toContain('CANCELLED');
    expect(await bed.queue.getJobCountByTypes('wait')).toBe(0);
    expect(tab.complaints).toEqual([]);
  });

  it('shows a failed job with its reason, and removes it', async () => {
    const { url } = await start();
    const job = await bed.add({ image: Buffer.from('not an image').toString('base64'), stage: STAGE });
    await bed.inState(job, 'failed');
    const tab = await open(`${url}/#/queue`);
    await tab.page.getByTestId('tab-failed').click();
    await tab.page.getByTestId(`job-${job.id}`).click();
    await waitFor(tab, 'job-details');
    await tab.page.getByTestId('job-details').getByText('INVALID_IMAGE').first().waitFor();
    await tab.screenshot('queue');
    await tab.page.getByTestId('remove').click();
    await tab.page.getByTestId('confirm-yes').click();
    await tab.page.getByTestId(`job-${job.id}`).waitFor({ state: 'detached' });
    expect(await bed.queue.getJob(job.id ?? '')).toBeUndefined();
    expect(tab.complaints).toEqual([]);
  });

  it('asks for the token once', async () => {
    const { url } = await start({ DASHBOARD_TOKEN: 'correct horse battery staple' });
    const tab = await open(`${url}/#/workers`);
    const field = tab.page.locator('input[type=password]');
    await field.fill('a wrong one, and long');
    await tab.page.keyboard.press('Enter');
    await tab.page.getByText('Wrong token').waitFor();
    await field.fill('correct horse battery staple');
    await tab.page.keyboard.press('Enter');
    await waitFor(tab, 'worker-host_cpu0');
    await tab.page.reload();
    await waitFor(tab, 'worker-host_cpu0');
    expect(tab.complaints).toEqual([]);
  });

  it('says that Redis is away, and recovers by itself', async () => {
    const { url } = await start();
    const tab = await open(`${url}/#/workers`);
    await waitFor(tab, 'worker-host_cpu0');
    await bed.server.halt();
    await tab.page
      .getByText(/Redis is \w+/)
      .first()
      .waitFor();
    await tab.page.reload();
    await tab.page
      .getByText(/Redis is \w+/)
      .first()
      .waitFor();
    await bed.server.start();
    await tab.page
      .getByText(/Redis is \w+/)
      .first()
      .waitFor({ state: 'hidden' });
    const job = await bed.add({ image: await selfieOf(1), stage: STAGE });
    await job.waitUntilFinished(bed.events);
    expect(tab.complaints).toEqual([]);
  });

  it('does not scroll sideways on narrow and wide screens', async () => {
    const { url } = await start();
    for (const [route, widthPx] of [
      ['workers', 320],
      ['queue', 320],
      ['galleries', 320],
      ['search', 320],
      ['workers', 1280],
    ] as const) {
      const tab = await open(`${url}/#/${route}`, { widthPx });
      await tab.page.getByRole('navigation').waitFor();
      if (route === 'workers') await waitFor(tab, 'worker-host_cpu0');
      const tooWide = await tab.page.evaluate(
        'document.documentElement.scrollWidth - document.documentElement.clientWidth',
      );
      expect(tooWide, `${route} at ${widthPx}`).toBe(0);
      await tab.screenshot(`${route}-${widthPx}`);
    }
  });

  it('works with the keyboard alone', async () => {
    const { url } = await start();
    const tab = await open(`${url}/#/workers`);
    await waitFor(tab, 'worker-host_cpu0');
    const focused = (): Promise<string | null> =>
      tab.page.evaluate('document.activeElement.dataset.testid ?? null');
    for (let i = 0; (await focused()) !== 'pause-host_cpu0'; i += 1) {
      expect(i).toBeLessThan(30);
      await tab.page.keyboard.press('Tab');
    }
    await tab.page.keyboard.press('Enter');
    await tab.page.getByTestId('confirm').waitFor();
    for (let i = 0; (await focused()) !== 'confirm-yes'; i += 1) {
      expect(i).toBeLessThan(5);
      await tab.page.keyboard.press('Tab');
    }
    await tab.page.keyboard.press('Enter');
    await bed.recorded('host_cpu0', ({ status }) => status === 'paused');
  });

  it('is light: the total size of the files loaded before the first worker appears', async () => {
    const { url } = await start();
    const tab = await openTab(browser, 'about:blank');
    tabs.push(tab);
    const bodies: Promise<Buffer>[] = [];
    tab.page.on('response', (response) => {
      if (/\.(js|css)$|\/$/.test(new URL(response.url()).pathname)) bodies.push(response.body());
    });
    await tab.page.goto(`${url}/#/workers`);
    await waitFor(tab, 'worker-host_cpu0');
    const sizes = (await Promise.all(bodies)).map((body) => gzipSync(body).length);
    expect(sizes.length).toBeGreaterThan(3);
    // The page's size limit, gzipped.
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(60 * 1024);
  });
});
