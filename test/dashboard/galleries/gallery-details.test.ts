import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { writeTinyModels } from '../../../scripts/tiny/models.mjs';
import type { GalleryDetails } from '../../../src/dashboard/api/api.js';
import { createIndexPlans } from '../../../src/gallery/batches/index-plans.js';
import { createBadPhotos } from '../../../src/gallery/store/bad-photos.js';
import { createFileTable, type FileContent } from '../../../src/gallery/store/file-table.js';
import { encodePhoto, type PhotoRecord } from '../../../src/gallery/store/photo-record.js';
import { findModelPack, type ModelPack, packKey } from '../../../src/shared/model-pack.js';
import { photoKey } from '../../../src/shared/redis-keys.js';
import { type DashboardHarness, startDashboardHarness } from '../../support/dashboard-harness.js';

let models: string;
let pack: ModelPack;
let dashboard: DashboardHarness;
beforeAll(async () => {
  models = await mkdtemp(path.join(tmpdir(), 'gallery-details-'));
  await writeTinyModels(models);
  pack = await findModelPack('tiny', models);
  dashboard = await startDashboardHarness({ MODELS_DIR: models, MODEL_PACK: 'tiny' });
  for (const folder of ['Day-1/Morning', 'Day-2', 'Day-3/Morning']) {
    await mkdir(path.join(dashboard.galleryDir, folder), { recursive: true });
  }
  for (const file of [
    'Day-1/a.jpg',
    'Day-1/Morning/b.jpg',
    'Day-1/Morning/c.jpg',
    'Day-2/a.jpg',
    'Day-3/Morning/d.jpg',
  ]) {
    await writeFile(path.join(dashboard.galleryDir, file), file);
  }
});
afterAll(async () => {
  await dashboard.stop();
  await rm(models, { recursive: true });
});
beforeEach(() => dashboard.redis.flushall());

const face = {
  box: { x: 10, y: 10, width: 20, height: 20 },
  landmarks: [1, 2, 3, 4, 5].map((i) => ({ x: i, y: i })) as never,
  score: 0.9,
  sharpness: 100,
  embedding: new Int16Array(64),
};
const facesOf = (count: number): PhotoRecord => ({
  kind: 'faces',
  widthPx: 100,
  heightPx: 100,
  faces: Array.from({ length: count }, () => face),
});

/** Writes a photo to the index as a worker does. */
async function index(folder: string, name: string, record: PhotoRecord | null, hash = name): Promise<void> {
  const content: FileContent =
    record === null ? { kind: 'unreadable', message: 'No permission.' } : { kind: 'content', hash };
  await createFileTable(dashboard.redis, 0).write(folder, [{ name, sizeBytes: 1, changedMs: 1, content }]);
  if (record !== null) await dashboard.redis.set(photoKey(packKey(pack, false), hash), encodePhoto(record));
}

const read = async (stage: string): Promise<GalleryDetails> =>
  (await (await dashboard.fetch(`/api/galleries/${encodeURIComponent(stage)}`)).json()) as GalleryDetails;

describe('the details of a gallery', () => {
  it('count the photos and faces of the folder and all below it, and what they take', async () => {
    await index('Day-1', 'a.jpg', facesOf(3));
    await index('Day-1/Morning', 'b.jpg', facesOf(0));
    await index('Day-1/Morning', 'copy.jpg', facesOf(3), 'a.jpg');
    await index('Day-10', 'other.jpg', facesOf(9));
    const details = await read('Day-1');
    expect(details).toMatchObject({
      stage: 'Day-1',
      photos: 3,
      indexed: 3,
      model_pack: 'tiny',
      index: { photos: 3, faces: 6, without_faces: 1 },
      broken: 0,
      indexing: null,
    });
    const perPhoto = encodePhoto(facesOf(3)).length;
    expect(details.index?.redis_bytes).toBeGreaterThan(perPhoto);
    expect(details.index?.redis_bytes).toBeLessThan(2 * perPhoto);
    expect(details.index?.memory_bytes).toBeGreaterThan(6 * 2 * 64);
  });

  it('name the photos that are broken, cannot be read, or failed, with the reason', async () => {
    await index('Day-2', 'a.jpg', { kind: 'broken', message: 'It is cut in the middle.' });
    await index('Day-2/Morning', 'b.jpg', null);
    const stamp = { name: 'c.jpg', sizeBytes: 1, changedMs: 1 };
    await createBadPhotos(dashboard.redis).add('Day-2/Morning', stamp, 'It ended its worker.');
    await createBadPhotos(dashboard.redis).add('Day-1', stamp, 'Another stage.');
    const { broken, broken_photos: photos } = await read('Day-2');
    expect(broken).toBe(3);
    expect(photos).toEqual([
      {
        path: 'Day-2/Morning/c.jpg',
        reason: 'It ended its worker.',
        failures: 1,
        retry_at: expect.any(Number),
      },
      { path: 'Day-2/a.jpg', reason: 'It is cut in the middle.', failures: 1, retry_at: null },
      { path: 'Day-2/Morning/b.jpg', reason: 'No permission.', failures: 1, retry_at: null },
    ]);
  });

  it('say how far an index is', async () => {
    const plans = createIndexPlans(dashboard.redis, dashboard.indexQueue, packKey(pack, false));
    await plans.begin('Day-3/Morning', ['batch-1', 'batch-2'], 40);
    await plans.end('batch-1', 25);
    expect((await read('Day-3/Morning')).indexing).toEqual({ photos: 40, done: 25 });
  });

  it('leave out the faces on a machine without model files', async () => {
    await index('Day-1', 'a.jpg', facesOf(3));
    const other = await startDashboardHarness({
      GALLERY_DIR: dashboard.galleryDir,
      MODELS_DIR: dashboard.galleryDir,
      REDIS_URL: `redis://127.0.0.1:${dashboard.redis.options.port}`,
    });
    const response = await other.fetch('/api/galleries/Day-1');
    expect(await response.json()).toMatchObject({ indexed: 1, model_pack: null, index: null });
    await other.stop();
  });

  it('are 404 for a gallery that is neither here nor in the index', async () => {
    expect((await dashboard.fetch('/api/galleries/Day-9')).status).toBe(404);
    expect((await dashboard.fetch('/api/galleries/..%2F..')).status).toBe(404);
  });
});
