import { mkdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Gallery } from '../../../src/dashboard/api/api.js';
import { findModelPack, packKey } from '../../../src/shared/model-pack.js';
import { createFileTable } from '../../../src/gallery/store/file-table.js';
import { createOptOuts } from '../../../src/gallery/store/opt-outs.js';
import { photoKey } from '../../../src/shared/redis-keys.js';
import { writeTinyModels } from '../../../scripts/tiny/models.mjs';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

let dashboard: DashboardHarness;
let models: string;
beforeEach(async () => {
  models = path.join(tmpdir(), `dashboard-models-${process.pid}`);
  await writeTinyModels(models);
  dashboard = await startDashboardHarness({ MODELS_DIR: models, MODEL_PACK: 'tiny' });
  await mkdir(path.join(dashboard.galleryDir, 'Day-1/Morning'), { recursive: true });
  await mkdir(path.join(dashboard.galleryDir, 'Day-1/.hidden'));
  for (const file of [
    'Day-1/a.jpg',
    'Day-1/Morning/b.PNG',
    'Day-1/Morning/c.webp',
    'Day-1/notes.txt',
    'Day-1/.hidden/d.jpg',
  ]) {
    await writeFile(path.join(dashboard.galleryDir, file), file);
  }
  await symlink(tmpdir(), path.join(dashboard.galleryDir, 'elsewhere'));
});
afterEach(async () => {
  await dashboard.stop();
  await rm(models, { recursive: true });
});

const list = async (): Promise<Gallery[]> =>
  ((await (await dashboard.fetch('/api/galleries')).json()) as { galleries: Gallery[] }).galleries;

/** Notes a file of the gallery as indexed. */
async function markIndexed(folder: string, name: string): Promise<void> {
  const { size, mtimeMs } = await stat(path.join(dashboard.galleryDir, folder, name));
  const hash = Buffer.from(name).toString('base64url');
  await createFileTable(dashboard.redis, 0).write(folder, [
    { name, sizeBytes: size, changedMs: Math.floor(mtimeMs), content: { kind: 'content', hash } },
  ]);
  await dashboard.redis.set(photoKey(packKey(await findModelPack('tiny', models), false), hash), 'faces');
}

describe('the opt-outs over HTTP', () => {
  it('are listed without their embeddings, and can be removed', async () => {
    const probes = [{ embedding: Float32Array.of(1, 0), minCosine: 0.5 }];
    const { id, addedMs } = await createOptOuts(dashboard.redis).add({ packKey: 'tiny-12345678', probes });
    const response = await dashboard.fetch('/api/opt-outs');
    expect(await response.json()).toEqual({
      opt_outs: [{ id, added: addedMs / 1000, model_pack: 'tiny-12345678' }],
    });
    expect((await dashboard.send('DELETE', `/api/opt-outs/${id}`)).status).toBe(204);
    expect((await dashboard.send('DELETE', `/api/opt-outs/${id}`)).status).toBe(404);
    expect(await createOptOuts(dashboard.redis).list()).toEqual([]);
  });
});

describe('the galleries over HTTP', () => {
  it('are the folders with pictures, each with all below it', async () => {
    await markIndexed('Day-1/Morning', 'b.PNG');
    expect(await list()).toEqual([
      { stage: 'Day-1', photos: 3, indexed: 1 },
      { stage: 'Day-1/Morning', photos: 2, indexed: 1 },
    ]);
  });

  it('are what the fleet has indexed where this machine has no gallery folder', async () => {
    await markIndexed('Day-1/Morning', 'b.PNG');
    const { redis } = dashboard;
    const other = await startDashboardHarness({
      GALLERY_DIR: '',
      REDIS_URL: `redis://127.0.0.1:${redis.options.port}`,
    });
    const response = await other.fetch('/api/galleries');
    expect(await response.json()).toMatchObject({
      galleries: [
        { photos: null, indexed: 1 },
        { stage: 'Day-1/Morning', photos: null, indexed: 1 },
      ],
    });
    const refused = await other.send('POST', '/api/galleries/Day-1/index');
    expect(refused.status).toBe(409);
    expect(await refused.json()).toMatchObject({ error: { code: 'NO_GALLERY_DIR' } });
    await other.stop();
  });

  it('have what is new in them indexed, once', async () => {
    await markIndexed('Day-1/Morning', 'b.PNG');
    const response = await dashboard.send('POST', '/api/galleries/Day-1/index');
    expect(response.status).toBe(202);
    expect(await response.json()).toEqual({ stage: 'Day-1', photos: 2, batches: 2 });
    await dashboard.send('POST', '/api/galleries/Day-1/index');
    const jobs = await dashboard.indexQueue.getJobs(['prioritized']);
    expect(jobs.map(({ data }) => data).toSorted((a, b) => (a.folder < b.folder ? -1 : 1))).toMatchObject([
      { folder: 'Day-1', files: [{ name: 'a.jpg' }] },
      { folder: 'Day-1/Morning', files: [{ name: 'c.webp' }] },
    ]);
  });

  it('are not indexed from a machine that does not know the models', async () => {
    const other = await startDashboardHarness({ MODELS_DIR: path.join(models, 'nowhere') });
    await mkdir(path.join(other.galleryDir, 'Day-1'));
    const response = await other.send('POST', '/api/galleries/Day-1/index');
    expect(response.status).toBe(409);
    expect(await response.json()).toEqual({
      error: { code: 'NO_MODELS', message: expect.stringContaining('npm run models') },
    });
    await other.stop();
  });

  it('are indexed by their path, slashes and all', async () => {
    const response = await dashboard.send(
      'POST',
      `/api/galleries/${encodeURIComponent('Day-1/Morning')}/index`,
    );
    expect(await response.json()).toMatchObject({ stage: 'Day-1/Morning', photos: 2 });
  });

  it.each(['Nowhere', '..', '../etc', 'elsewhere', '.hidden', 'Day-1/a.jpg'])(
    'are not found as %j',
    async (stage) => {
      const response = await dashboard.send('POST', `/api/galleries/${encodeURIComponent(stage)}/index`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({
        error: { code: expect.stringMatching(/^(GALLERY_)?NOT_FOUND$/) },
      });
    },
  );

  it('are forgotten', async () => {
    await markIndexed('Day-1/Morning', 'b.PNG');
    const response = await dashboard.send('DELETE', '/api/galleries/Day-1');
    expect(await response.json()).toEqual({ stage: 'Day-1', photos: 1, folders: 1 });
    expect(await dashboard.redis.keys('face-index:*')).toEqual([]);
    expect(await list()).toMatchObject([{ indexed: 0 }, { indexed: 0 }]);
  });
});
