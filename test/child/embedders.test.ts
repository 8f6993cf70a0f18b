import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Job } from 'bullmq';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { prepareEmbedder } from '../../scripts/models/prepare-embedder.mjs';
import { type RedisServer, startRedisServer } from '../../scripts/support/redis-server.mjs';
import { writeTinyModels } from '../../scripts/tiny/models.mjs';
import { drawScene } from '../../scripts/tiny/scene.mjs';
import { forkRealChild } from '../support/child-process.js';
import { createQueueHarness } from '../support/queue-harness.js';

let gallery: string;
let models: string;
let server: RedisServer;

beforeAll(async () => {
  server = await startRedisServer();
  gallery = await mkdtemp(path.join(tmpdir(), 'embedders-gallery-'));
  await mkdir(path.join(gallery, 'Day-1'));
  for (const [name, people] of [
    ['a.png', [7]],
    ['b.png', [300, 7]],
    ['c.png', [300]],
  ] as const) {
    await writeFile(path.join(gallery, 'Day-1', name), await draw(...people));
  }
});
afterAll(async () => {
  await server.stop();
  await rm(gallery, { recursive: true });
});
beforeEach(async () => {
  models = await mkdtemp(path.join(tmpdir(), 'embedders-models-'));
  return () => rm(models, { recursive: true });
});

function draw(...people: number[]): Promise<Buffer> {
  const faces = people.map((person, index) => ({ person, x: 40 + index * 200, y: 90, sizePx: 110 }));
  return drawScene({ widthPx: 480, heightPx: 320, faces });
}

test.each([
  { embeddingSize: 128, batch: 1, channelsLast: false, prepared: true },
  { embeddingSize: 128, batch: 1, channelsLast: true, prepared: false },
  { embeddingSize: 1024, batch: 1, channelsLast: true, prepared: true },
])(
  'a child finds a person in a stage with an embedder of another form: %o',
  async ({ prepared, ...form }) => {
    await writeTinyModels(models, form);
    if (prepared) {
      const { packs } = JSON.parse(await readFile(path.join(models, 'manifest.json'), 'utf8'));
      expect(await prepareEmbedder(packs.tiny.embedder, models)).toHaveLength(1);
    }
    const portal = await createQueueHarness(server, {
      MODELS_DIR: models,
      MODEL_PACK: 'tiny',
      GALLERY_DIR: gallery,
      LOG_LEVEL: 'silent',
    });
    const child = forkRealChild();
    try {
      await child.hear('hello');
      child.init(portal.config);
      await child.hear('ready');
      const job = await portal.add({ image: (await draw(7)).toString('base64'), stage: 'Day-1' });
      await portal.reached(job, 'completed');
      const { returnvalue } = (await Job.fromId(portal.queue, job.id ?? '')) as Job<
        unknown,
        { id: string }[]
      >;
      expect(returnvalue.map(({ id }) => path.basename(id)).toSorted()).toEqual(['a.png', 'b.png']);
    } finally {
      await child.stop();
      await portal.close();
    }
  },
);
