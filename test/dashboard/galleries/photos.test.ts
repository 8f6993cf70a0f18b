import { mkdir, symlink, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Search } from '../../../src/dashboard/api/api.js';
import { type DashboardHarness, eventsOf, startDashboardHarness } from '../../support/dashboard-harness.js';

const SELFIE = Buffer.from('a picture').toString('base64');

let dashboard: DashboardHarness;
beforeEach(async () => {
  dashboard = await startDashboardHarness();
});
afterEach(() => dashboard.stop());

/** A search with this result. */
const searched = async (
  matches: object[],
  data: object = { image: SELFIE, stage: 'Day-1' },
): Promise<Search> => {
  dashboard.work(async () => matches);
  const response = await dashboard.send('POST', '/api/searches', data);
  const { id } = (await response.json()) as Search;
  for await (const { event, data: search } of eventsOf(await dashboard.fetch(`/api/searches/${id}/events`))) {
    if (event === 'result') return search as Search;
  }
  throw new Error('The search has no result');
};

const picture = (widthPx: number, heightPx: number): Promise<Buffer> =>
  sharp({ create: { width: widthPx, height: heightPx, channels: 3, background: '#808080' } })
    .jpeg()
    .withMetadata({ orientation: 6 })
    .toBuffer();

describe('the photos of a result', () => {
  it('are shown upright, small enough for a page, and without what the camera wrote', async () => {
    await mkdir(path.join(dashboard.galleryDir, 'Day-1'));
    await writeFile(path.join(dashboard.galleryDir, 'Day-1/a.jpg'), await picture(3000, 1500));
    const { matches } = await searched([
      { id: 'Day-1/a.jpg', score: 0.9, box: { x: 0, y: 0, width: 1, height: 1 } },
    ]);
    expect(matches?.[0]?.box).toEqual({ x: 0, y: 0, width: 1, height: 1 });
    const response = await dashboard.fetch(matches?.[0]?.photo ?? '');
    expect(response.headers.get('content-type')).toBe('image/jpeg');
    expect(response.headers.get('cache-control')).toMatch(/^private/);
    const shown = await sharp(Buffer.from(await response.arrayBuffer())).metadata();
    expect(shown).toMatchObject({ width: 512, height: 1024 });
    expect(shown.exif).toBeUndefined();
  });

  it('are those of the result alone, and below the gallery folder alone', async () => {
    await writeFile(path.join(dashboard.galleryDir, 'other.jpg'), await picture(100, 50));
    await symlink('/etc/hostname', path.join(dashboard.galleryDir, 'link.jpg'));
    await writeFile(path.join(dashboard.galleryDir, 'text.jpg'), 'no picture');
    const { matches } = await searched(
      ['../../etc/hostname', 'link.jpg', 'text.jpg', 'missing.jpg'].map((id) => ({ id, score: 0.9 })),
    );
    for (const { photo } of matches ?? []) expect((await dashboard.fetch(photo ?? '')).status).toBe(404);
    const [first] = matches ?? [];
    const elsewhere = (first?.photo ?? '').replace(/\/0$/, '');
    for (const rank of ['4', '-1', 'other.jpg', '0%2F..%2Fother.jpg']) {
      expect([400, 404]).toContain((await dashboard.fetch(`${elsewhere}/${rank}`)).status);
    }
  });

  it('are found by the path that the job’s own list gives, and not shown where it brought them itself', async () => {
    await writeFile(path.join(dashboard.galleryDir, 'a.jpg'), await picture(100, 50));
    const { matches } = await searched(
      [
        { id: 'first', score: 0.9 },
        { id: 'second', score: 0.8 },
      ],
      {
        image: SELFIE,
        gallery: [
          { id: 'first', path: 'a.jpg' },
          { id: 'second', image: SELFIE },
        ],
      },
    );
    expect(matches?.map(({ photo }) => photo === null)).toEqual([false, true]);
    expect((await dashboard.fetch(matches?.[0]?.photo ?? '')).status).toBe(200);
  });
});
